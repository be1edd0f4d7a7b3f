import "htmx.org";
import "../styles/base.css";
import "../styles/patients.css";
import "../styles/upload.css";
import "../elements/upload-panel.ts";

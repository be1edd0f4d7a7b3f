import "htmx.org";
import "../styles/base.css";
import "../styles/gallery.css";
import "../styles/patient.css";
import "../styles/patients.css";
import "../styles/searchbar.css";
import "../styles/move.css";
import "../elements/patient-choice.ts";
import { tendPictures } from "../lib/pictures.ts";

tendPictures(document);

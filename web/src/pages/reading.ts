import "htmx.org";
import "../styles/base.css";
import "../styles/gallery.css";
import "../styles/patient.css";
import "../styles/picks.css";
import "../elements/scan-picks.ts";
import { tendPictures } from "../lib/pictures.ts";

tendPictures(document);
for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => print());

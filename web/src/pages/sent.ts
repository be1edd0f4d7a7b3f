import "../styles/base.css";
import "../styles/sent.css";

document.querySelector("[data-print]")?.addEventListener("click", () => print());

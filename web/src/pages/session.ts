import "../styles/session.css";
import "../elements/session-lock.ts";

// Progressive enhancement only: every page works without these files, except being live.
import "./csrf.js";
import "./theme.js";
import "./times.js";
import "./toast.js";
import "./menus.js";
import "./switch.js";
import "./keys.js";
import "./lists.js";
import "./feed.js";
import "./composer.js";
import "./visits.js";
import "./live.js";

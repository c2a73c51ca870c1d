// The entry `tautline` in a bundle that is no module, for a page's or a worker's classic script.

import "../inlined/main.js";

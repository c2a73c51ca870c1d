// Starts the application that the page's address names. Inline scripts would not do under a strict policy.

import(`./${new URLSearchParams(location.search).get("app")}.js`);

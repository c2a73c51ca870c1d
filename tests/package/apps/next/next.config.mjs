// Where next and react are found: above the project, for these tests.

import path from "node:path";

export default {
  turbopack: { root: path.resolve(import.meta.dirname, "../../..") },
};

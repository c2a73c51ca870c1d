// Imports from the package, and uses none of it.

import { connect } from "tautline";

console.log("an application without a socket");

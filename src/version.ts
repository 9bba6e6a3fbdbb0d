/** The version of aimodellib: of the executable, and of the Python package that it carries. */
export const VERSION = "0.1.0";

/** Stylesheets are imported for the bundler's sake; they give no value. */
declare module "*.css";

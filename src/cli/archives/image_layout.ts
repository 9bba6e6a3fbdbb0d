/** Where the image of `dockerfile` has its files: what else describes the image, such as `manifest`, must agree with it. */

/** The folder of the unpacked archive. */
export const IMAGE_ARCHIVE = "/srv/archive";
/** The model directory, unless the archive contains the model. */
export const IMAGE_MODEL = "/srv/model";
/** The user, and its group. It is a number, because Kubernetes can check of a number that it is not root's. */
export const IMAGE_USER = 10001;
/** The port that `serve` listens on by default. */
export const IMAGE_PORT = 8080;

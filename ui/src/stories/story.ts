/** A page in front of the recorded cluster, and what has to be seen on it. */

export interface Story {
  name: string;
  /** Address in the panel, with its query. */
  path: string;
  heading: string | RegExp;
  /** Texts that appear, key numbers with their units among them. */
  shows?: readonly (string | RegExp)[];
  /** Faults that the page reports. */
  alerts?: readonly RegExp[];
  signedOut?: boolean;
}

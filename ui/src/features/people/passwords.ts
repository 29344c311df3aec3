/** The leader's rules for names and passwords, checked as they are typed. */

export const MIN_PASSWORD = 10;
const NAME = /^[A-Za-z0-9_.@-]{1,64}$/;

export const nameFault = (name: string): string | undefined =>
  NAME.test(name) ? undefined : "1 to 64 letters, digits and _ . @ -";

export const passwordFault = (password: string): string | undefined =>
  password.length >= MIN_PASSWORD ? undefined : `At least ${MIN_PASSWORD} characters.`;

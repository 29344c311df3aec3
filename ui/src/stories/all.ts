/** The stories of all features, each beside its page. */

import type { Story } from "./story";

const modules = import.meta.glob<{ stories: readonly Story[] }>("../**/*.stories.ts", { eager: true });

export const allStories: readonly Story[] = Object.values(modules).flatMap(({ stories }) => stories);

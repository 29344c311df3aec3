import { readFile } from "node:fs/promises";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";
import { expect, it } from "vitest";

it("is generated from the leader's current OpenAPI document", async () => {
  const current =
    COMMENT_HEADER + astToString(await openapiTS(new URL("../../../docs/reference/openapi.json", import.meta.url)));
  expect(await readFile(new URL("./schema.d.ts", import.meta.url), "utf8"), "stale: run `npm run types`").toBe(current);
}, 60_000);

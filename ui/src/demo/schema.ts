/** Compares values with the leader's OpenAPI document; a field that the document lacks is a difference too. */

import { readFileSync } from "node:fs";

interface Schema {
  $ref?: string;
  oneOf?: Schema[];
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
}

interface Response {
  content?: Record<string, { schema: Schema }>;
}

interface Document {
  paths: Record<string, Record<string, { responses: Record<string, Response> }>>;
  components: { schemas: Record<string, Schema> };
}

const FILE = new URL("../../../docs/reference/openapi.json", import.meta.url);
const openApi = JSON.parse(readFileSync(FILE, "utf8")) as Document;

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

const fitsType = (value: unknown, type: string): boolean =>
  type === "integer" ? Number.isInteger(value) : type === typeOf(value);

/** Return where a value does not fit a schema, and how. */
export function differences(value: unknown, schema: Schema, at = "body"): string[] {
  if (schema.$ref !== undefined) {
    const found = openApi.components.schemas[schema.$ref.split("/").at(-1) ?? ""];
    return found ? differences(value, found, at) : [`${at}: no schema ${schema.$ref}`];
  }
  if (schema.oneOf) {
    const tried = schema.oneOf.map((one) => differences(value, one, at));
    return tried.some((found) => found.length === 0) ? [] : (tried.at(0) ?? []);
  }
  const types = schema.type === undefined ? [] : [schema.type].flat();
  if (types.length > 0 && !types.some((type) => fitsType(value, type)))
    return [`${at}: ${typeOf(value)}, not ${types}`];
  if ("const" in schema && value !== schema.const) return [`${at}: not ${String(schema.const)}`];
  if (schema.enum && !schema.enum.includes(value)) return [`${at}: none of ${schema.enum}`];
  if (Array.isArray(value)) return value.flatMap((one, i) => differences(one, schema.items ?? {}, `${at}[${i}]`));
  if (typeof value !== "object" || value === null) return [];
  return [
    ...(schema.required ?? []).filter((key) => !(key in value)).map((key) => `${at}.${key}: missing`),
    ...Object.entries(value).flatMap(([key, one]) => entryDifferences(one, schema, key, `${at}.${key}`)),
  ];
}

function entryDifferences(value: unknown, schema: Schema, key: string, at: string): string[] {
  const own = schema.properties?.[key];
  if (own) return differences(value, own, at);
  if (typeof schema.additionalProperties === "object") return differences(value, schema.additionalProperties, at);
  return schema.properties && schema.additionalProperties !== true ? [`${at}: not in the document`] : [];
}

const matching = (template: string, path: string): boolean =>
  new RegExp(`^${template.replaceAll("$", "\\$").replace(/\{[^}]+\}/g, "[^/]+")}$`).test(path);

/** Return how an answer differs from what the document says of its method, path and status. */
export function answerDifferences(method: string, path: string, status: number, body: unknown): string[] {
  const templates = Object.keys(openApi.paths).filter((one) => matching(one, path));
  const exact = templates.find((one) => one === path) ?? templates.sort((a, b) => b.length - a.length)[0];
  const operation = exact === undefined ? undefined : openApi.paths[exact]?.[method.toLowerCase()];
  if (!operation) return [`${method} ${path} is not in the document`];
  const response = operation.responses[String(status)];
  if (!response) return [`${method} ${path} does not answer ${status}`];
  const content = Object.values(response.content ?? {})[0];
  return content ? differences(body, content.schema) : [];
}

/** The text of a profile in colors. */

import css from "./profiles.module.css";
import { piecesOf } from "./yamlLines";

export function YamlText({ text }: { text: string }) {
  return text.split("\n").map((line, i) => (
    <span key={i}>
      {piecesOf(line).map((piece, k) => (
        <span key={k} className={piece.kind === "other" ? undefined : css[piece.kind]}>
          {piece.text}
        </span>
      ))}
      {"\n"}
    </span>
  ));
}

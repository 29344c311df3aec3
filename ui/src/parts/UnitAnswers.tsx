/** What each unit answered to something that was asked of several, and a way to close the dialog. */

import { Button, Group } from "@mantine/core";
import css from "./parts.module.css";

interface Props {
  /** Names of units, each with its answer. */
  answers: readonly (readonly [unit: string, answer: string])[];
  onClose: () => void;
}

export function UnitAnswers({ answers, onClose }: Props) {
  return (
    <>
      <ul role="status" className={css.unitAnswers}>
        {answers.map(([unit, answer]) => (
          <li key={unit}>
            <strong>{unit}</strong> {answer}
          </li>
        ))}
      </ul>
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={onClose}>
          Close
        </Button>
      </Group>
    </>
  );
}

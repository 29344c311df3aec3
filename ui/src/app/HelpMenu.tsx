/** The documentation, which the leader serves itself. */

import { ActionIcon, Menu } from "@mantine/core";
import { Icon } from "@/parts/icons";

const PAGES: readonly { title: string; address: string }[] = [
  { title: "First hour in the panel", address: "tutorials/first-hour-in-the-panel.html" },
  { title: "How to do one thing", address: "how-to/" },
  { title: "Find out why", address: "how-to/find-out-why.html" },
  { title: "Write a profile", address: "how-to/write-a-profile.html" },
  { title: "Keys of the configuration", address: "reference/config.html" },
  { title: "Glossary", address: "reference/glossary.html" },
];

export function HelpMenu() {
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label="Help" visibleFrom="xs">
          <Icon name="help" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {PAGES.map(({ title, address }) => (
          <Menu.Item key={address} component="a" href={`/docs/${address}`} target="_blank" rel="noreferrer">
            {title}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

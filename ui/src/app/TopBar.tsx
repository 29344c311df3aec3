/** The frame of every page: experiment, connection, light or dark, who is signed in. */

import { ActionIcon, Menu, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useFrame } from "@/parts/experiment";
import { Icon } from "@/parts/icons";
import { AccessPointSign } from "./AccessPointSign";
import { Alarms } from "./Alarms";
import css from "./app.module.css";
import { ConnectionState } from "./ConnectionState";
import { ExperimentSwitcher } from "./ExperimentSwitcher";
import { HelpMenu } from "./HelpMenu";
import { type Person, signOut } from "./session";
import { UsbSign } from "./UsbSign";

export function TopBar({ person }: { person: Person }) {
  const { current } = useFrame();
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme("light") === "dark";
  const client = useQueryClient();
  const leave = async (): Promise<void> => {
    await signOut();
    client.clear();
    location.reload();
  };
  return (
    <header className={css.top}>
      <ExperimentSwitcher />
      <span className={css.spring} />
      <Alarms experiment={current?.experiment ?? ""} />
      <AccessPointSign />
      <UsbSign />
      <ConnectionState />
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        aria-label={dark ? "Use light colors" : "Use dark colors"}
        onClick={() => setColorScheme(dark ? "light" : "dark")}
      >
        <Icon name={dark ? "sun" : "moon"} />
      </ActionIcon>
      <HelpMenu />
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size="lg" aria-label={`Signed in as ${person.username}`}>
            <Icon name="person" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>
            Signed in as {person.username}
            {person.rights && `, ${person.rights.role}`}
          </Menu.Label>
          <Menu.Item onClick={() => void leave()}>Sign out</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </header>
  );
}

/** Two groups: what belongs to the experiment, and what belongs to the cluster. */

import { Menu, UnstyledButton, VisuallyHidden } from "@mantine/core";
import { NavLink, useNavigate } from "react-router";
import { Icon } from "@/parts/icons";
import css from "./app.module.css";
import { Logo } from "./Logo";
import { type Page, pages } from "./pages";

function Item({ page }: { page: Page }) {
  return (
    <li>
      <NavLink to={page.path} className={({ isActive }) => `${css.navItem} ${isActive ? css.navActive : ""}`}>
        <Icon name={page.icon} />
        {page.title}
        {page.useWaiting && <Waiting use={page.useWaiting} />}
      </NavLink>
    </li>
  );
}

/** How many things wait on a page for a person; nothing for none. */
function Waiting({ use: useWaiting }: { use: () => number }) {
  const waiting = useWaiting();
  if (waiting === 0) return null;
  return (
    <span className={css.navWaiting}>
      {waiting}
      <VisuallyHidden> waiting</VisuallyHidden>
    </span>
  );
}

/** Stands on the button "More": the pages behind it have theirs inside. */
function WaitingBehind({ behind }: { behind: readonly Page[] }) {
  return behind.map((page) => page.useWaiting && <Waiting key={page.path} use={page.useWaiting} />);
}

export function SideNavigation() {
  const group = (name: Page["group"]): readonly Page[] => pages.filter((page) => page.group === name);
  return (
    <nav className={css.side} aria-label="Pages">
      <NavLink to="/overview" className={css.brand} aria-label="Pioreactor, to the overview">
        <Logo />
        <span>Pioreactor</span>
      </NavLink>
      <p className={css.navHead}>Experiment</p>
      <ul>
        {group("experiment").map((page) => (
          <Item key={page.path} page={page} />
        ))}
      </ul>
      {group("cluster").length > 0 && (
        <>
          <p className={css.navHead}>Cluster</p>
          <ul>
            {group("cluster").map((page) => (
              <Item key={page.path} page={page} />
            ))}
          </ul>
        </>
      )}
    </nav>
  );
}

export function BottomNavigation() {
  const navigate = useNavigate();
  const rest = pages.filter((page) => !page.phone);
  return (
    <nav className={css.bottom} aria-label="Pages">
      {pages
        .filter((page) => page.phone)
        .map((page) => (
          <NavLink
            key={page.path}
            to={page.path}
            className={({ isActive }) => `${css.bottomItem} ${isActive ? css.bottomActive : ""}`}
          >
            <Icon name={page.icon} size={22} />
            {page.title}
          </NavLink>
        ))}
      {rest.length > 0 && (
        <Menu position="top-end">
          <Menu.Target>
            <UnstyledButton className={css.bottomItem}>
              <Icon name="dots" size={22} />
              <span>
                More <WaitingBehind behind={rest} />
              </span>
            </UnstyledButton>
          </Menu.Target>
          <Menu.Dropdown>
            {rest.map((page) => (
              <Menu.Item
                key={page.path}
                leftSection={<Icon name={page.icon} />}
                onClick={() => void navigate(page.path)}
                rightSection={page.useWaiting && <Waiting use={page.useWaiting} />}
              >
                {page.title}
              </Menu.Item>
            ))}
            <Menu.Item component="a" href="/docs/" target="_blank" rel="noreferrer" leftSection={<Icon name="help" />}>
              Help
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
    </nav>
  );
}

/** The releases that the supplier publishes, which the leader fetches and checks. */

import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { OfferedRelease } from "@/api/types";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import { download, fetchReleases, placeOf } from "./updates";
import css from "./updates.module.css";

const FETCHING_MS = 2000;

export function PublishedReleases() {
  const client = useQueryClient();
  const fetching = useMutation({
    mutationFn: download,
    onSettled: () => Promise.all(["updates", "releases"].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
  const releases = useQuery({
    queryKey: ["releases"],
    queryFn: ({ signal }) => fetchReleases(signal),
    refetchInterval: fetching.isPending ? FETCHING_MS : false,
  });
  return (
    <section aria-label="Published releases" className={css.published}>
      <h2>Published releases</h2>
      {fetching.error && <Problem error={fetching.error} />}
      {releases.error ? (
        <Problem error={releases.error} />
      ) : releases.data === null ? (
        <p className="soft small">
          No address of releases is set. With <code>feed_url</code> in the section <code>[updates]</code> of the
          configuration, the leader fetches them from there.
        </p>
      ) : (
        <ul className={css.units}>
          {releases.data?.map((release) => (
            <Release
              key={release.version}
              release={release}
              isFetching={fetching.isPending && fetching.variables === release.version}
              onFetch={() => fetching.mutate(release.version)}
            />
          ))}
        </ul>
      )}
    </section>
  );
}

interface ReleaseProps {
  release: OfferedRelease;
  isFetching: boolean;
  onFetch: () => void;
}

function Release({ release, isFetching, onFetch }: ReleaseProps) {
  const canFetch = release.is_newer && !release.is_here;
  return (
    <li className={css.unit}>
      <strong>{release.version}</strong>
      <span>{(release.size_bytes / 1e6).toFixed(0)} MB</span>
      <span className={css.text}>
        {placeOf(release)}
        {release.notes && <span className={css.notes}> {release.notes}</span>}
      </span>
      {canFetch && (
        <Needs call={["POST", "/api/system/releases/{version}/download"]}>
          <Button size="compact-xs" variant="default" loading={isFetching} onClick={onFetch}>
            Download {release.version}
          </Button>
        </Needs>
      )}
    </li>
  );
}

/** Says that the leader opens a Wi-Fi network of its own: who is in it reaches the leader only. */

import { useQuery } from "@tanstack/react-query";
import { get } from "@/api/client";
import type { AccessPoint } from "@/api/types";

export function AccessPointSign() {
  const found = useQuery({
    queryKey: ["local_access_point"],
    queryFn: ({ signal }) => get<AccessPoint>("/api/local_access_point", signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (!found.data?.active) return null;
  return (
    <span className="soft small" title="The leader opens this Wi-Fi network; it may have no internet.">
      Own Wi-Fi
    </span>
  );
}

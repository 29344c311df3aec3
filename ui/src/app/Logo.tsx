/** The logo: a vial. */

export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" style={{ flex: "none" }}>
      <rect width="32" height="32" rx="8" fill="#4a52c4" />
      <path
        d="M11 6h10M12.5 6v17a3.5 3.5 0 0 0 7 0V6"
        fill="none"
        stroke="#fff"
        strokeWidth="2"
        strokeLinecap="round"
      />
      <path d="M13.6 15h4.8v8a2.4 2.4 0 0 1-4.8 0z" fill="#ffd98a" />
    </svg>
  );
}

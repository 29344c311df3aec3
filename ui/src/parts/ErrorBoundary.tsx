/** What is shown in place of a part of the page that failed; everything around it stays usable. */

import { Component, type ReactNode } from "react";
import { Problem } from "./Problem";

interface Props {
  children: ReactNode;
  /** An error is forgotten once this changes. */
  place?: string;
}

export class ErrorBoundary extends Component<Props, { error: Error | undefined }> {
  override state = { error: undefined };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override componentDidUpdate(before: Props): void {
    if (before.place !== this.props.place && this.state.error) this.setState({ error: undefined });
  }

  override render(): ReactNode {
    return this.state.error ? (
      <Problem
        error={this.state.error}
        action={
          <>
            <p className="soft">If it fails again after loading, report the message above.</p>
            <button type="button" onClick={() => location.reload()}>
              Load the page again
            </button>
          </>
        }
      />
    ) : (
      this.props.children
    );
  }
}

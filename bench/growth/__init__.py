"""How well growth rates are estimated, on simulated cultures whose truth is known."""

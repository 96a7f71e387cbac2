"""What every provider of machines must do: one suite, run over each of them."""

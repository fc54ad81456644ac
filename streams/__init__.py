"""When and where: panes, lifetimes, checkpoints and the fold, and the shell of Faust, Kafka and HTTP around them."""

"""The desktop application: state, binders, one bridge to the engine, one player. No widget computes."""

mod delivering;
mod hostile;
mod incidents;
mod managing;

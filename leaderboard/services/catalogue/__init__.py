"""What fills the catalogue: imported tables, registered datasets and their small images."""

"""What plates look like, one file a country."""

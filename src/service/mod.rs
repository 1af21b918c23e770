//! The protocol's operations, one file each. Knows no header and no table.

export function scanVersion(): i32 { return 1; }

export interface ScanKernels { scanVersion(): number }

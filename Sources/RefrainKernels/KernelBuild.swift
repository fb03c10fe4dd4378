@_exported import RefrainKernelTypes

/// This compilation of the kernels. Each file adds its own.
public enum KernelBuild: Kernels {}

@_exported import RefrainKernelTypes

/// This compilation of the kernels. Each file adds its own.
#if VNNI || BFLOAT16
  public enum KernelBuild: QuantizedKernels {}
#else
  public enum KernelBuild: Kernels, QuantizedKernels {}
#endif

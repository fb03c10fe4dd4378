import RefrainKernels

#if arch(x86_64)
  import RefrainKernelsAVX2
  import RefrainKernelsAVX512
  import RefrainKernelsBFloat16
  import RefrainKernelsVNNI
#endif

/// Values that are read.
typealias P = UnsafePointer<Float>
/// Values that are written.
typealias M = UnsafeMutablePointer<Float>

extension InstructionSet {
  /// The compilation of the kernels for this set.
  var kernels: any Kernels.Type {
    switch self {
    case .baseline: RefrainKernels.KernelBuild.self
    #if arch(x86_64)
      case .avx2: RefrainKernelsAVX2.KernelBuild.self
      case .avx512: RefrainKernelsAVX512.KernelBuild.self
    #endif
    }
  }

  /// The products of bytes: where the processor has instructions for them alone, a compilation with these.
  var quantizedKernels: any QuantizedKernels.Type {
    switch self {
    case .baseline: RefrainKernels.KernelBuild.self
    #if arch(x86_64)
      case .avx2: RefrainKernelsAVX2.KernelBuild.self
      case .avx512:
        ProcessorFeatures.current.hasByteProducts
          ? RefrainKernelsVNNI.KernelBuild.self : RefrainKernelsAVX512.KernelBuild.self
    #endif
    }
  }

  /// The products of bfloat16; nil where the processor has no instructions for them: there they are of floats.
  var bfloat16Kernels: (any QuantizedKernels.Type)? {
    #if arch(x86_64)
      if self == .avx512, ProcessorFeatures.current.hasBFloat16Products {
        return RefrainKernelsBFloat16.KernelBuild.self
      }
    #endif
    return nil
  }

  /// Does as many multiply-adds as one core can with everything in registers, to be timed: the limit of every product.
  ///
  /// - Parameter repetitions: the amount of work; 200,000 take about a millisecond.
  /// - Returns: the number of multiplications and additions that were done.
  public static func multiplyAddOperations(_ repetitions: Int) -> Int {
    var result: Float = 0
    return Refrain.kernels.multiplyAddPeak(repetitions, &result)
  }
}

/// The kernels of ``InstructionSet/current``: functions without state.
let kernels: any Kernels.Type = InstructionSet.current.kernels

/// Those of products of bytes. Their sums are exact: all compilations of vectors of one width give the same bits.
let quantizedKernels: any QuantizedKernels.Type = InstructionSet.current.quantizedKernels

/// Those of products of bfloat16, if there are any.
let bfloat16Kernels: (any QuantizedKernels.Type)? = InstructionSet.current.bfloat16Kernels

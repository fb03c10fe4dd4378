import RefrainKernels

#if arch(x86_64)
  import RefrainKernelsAVX2
  import RefrainKernelsAVX512
#endif

/// What is read, and what is written.
typealias P = UnsafePointer<Float>
typealias M = UnsafeMutablePointer<Float>

/// The kernels of one instruction set: the seam between Refrain, which owns memory, threads, shapes and every decision,
/// and the inner loops. The contract of each function stands at its definition in RefrainKernels.
struct Kernels {
  // Element by element; operations are raw values of UnaryOperation and BinaryOperation.
  let unary: (_ operation: Int, _ count: Int, _ x: P, _ y: M) -> Void
  let unaryGradient: (_ operation: Int, _ count: Int, _ x: P, _ y: P, _ dy: P, _ dx: M) -> Void
  let binary: (_ operation: Int, _ count: Int, _ x: P, _ xStep: Int, _ y: P, _ yStep: Int, _ z: M) -> Void
  let binaryRows:
    (
      _ operation: Int, _ rows: Int, _ columns: Int, _ x: P, _ xStride: Int, _ xStep: Int, _ y: P, _ yStride: Int,
      _ yStep: Int, _ z: M, _ zStride: Int
    ) -> Void
  let fill: (_ count: Int, _ value: Float, _ y: M) -> Void
  let copy: (_ count: Int, _ x: P, _ y: M) -> Void
  let scale: (_ count: Int, _ factor: Float, _ x: P, _ y: M) -> Void
  let addScaled: (_ count: Int, _ factor: Float, _ x: P, _ y: M) -> Void
  let clamp: (_ count: Int, _ lower: Float, _ upper: Float, _ x: P, _ y: M) -> Void
  // Reductions, in a fixed order.
  let sum: (_ count: Int, _ x: P) -> Float
  let sumOfSquares: (_ count: Int, _ x: P) -> Float
  let dot: (_ count: Int, _ x: P, _ y: P) -> Float
  let sumRows: (_ rows: Int, _ columns: Int, _ x: P, _ rowStride: Int, _ y: M) -> Void
  let sumProductRows: (_ rows: Int, _ columns: Int, _ x: P, _ xStride: Int, _ y: P, _ yStride: Int, _ z: M) -> Void
  let allFinite: (_ count: Int, _ x: P) -> Bool
  // Rows of a matrix.
  let softmaxRows: (_ rows: Int, _ columns: Int, _ x: P, _ y: M) -> Void
  let logSoftmaxRows: (_ rows: Int, _ columns: Int, _ x: P, _ y: M) -> Void
  let softmaxGradientRows: (_ rows: Int, _ columns: Int, _ y: P, _ dy: P, _ dx: M) -> Void
  let logSoftmaxGradientRows: (_ rows: Int, _ columns: Int, _ y: P, _ dy: P, _ dx: M) -> Void
  let layerNormRows:
    (
      _ rows: Int, _ columns: Int, _ epsilon: Float, _ x: P, _ xStride: Int, _ gain: P, _ shift: P,
      _ accumulate: Bool, _ y: M, _ yStride: Int, _ means: M, _ inverseDeviations: M
    ) -> Void
  let layerNormGradientRows:
    (
      _ rows: Int, _ columns: Int, _ x: P, _ xStride: Int, _ gain: P, _ means: P, _ inverseDeviations: P, _ dy: P,
      _ dyStride: Int, _ dx: M, _ dxStride: Int, _ gainGradient: M, _ shiftGradient: M?, _ sumStride: Int,
      _ rowsPerSum: Int
    ) -> Void
  let crossEntropyRows:
    (
      _ rows: Int, _ columns: Int, _ logits: P, _ targets: UnsafePointer<Int>, _ smoothing: Float, _ losses: M,
      _ maxima: M, _ sums: M
    ) -> Void
  let crossEntropyGradientRows:
    (
      _ rows: Int, _ columns: Int, _ logits: P, _ targets: UnsafePointer<Int>, _ smoothing: Float, _ maxima: P,
      _ sums: P, _ factors: P, _ gradient: M
    ) -> Void
  // Matrices.
  let transpose: (_ rows: Int, _ columns: Int, _ x: P, _ xStride: Int, _ y: M, _ yStride: Int) -> Void
  let panelWidth: () -> Int
  let paddedSize: (_ size: Int) -> Int
  let packedSize: (_ depth: Int, _ columns: Int) -> Int
  let packPanels: (_ depth: Int, _ columns: Int, _ b: P, _ rowStep: Int, _ columnStep: Int, _ packed: M) -> Void
  let product:
    (
      _ rows: Int, _ columns: Int, _ depth: Int, _ a: P, _ aRowStep: Int, _ aColumnStep: Int,
      _ aOffsets: UnsafePointer<Int>?, _ packed: P, _ bias: P?, _ accumulate: Bool, _ c: M, _ cRowStep: Int,
      _ cOffsets: UnsafePointer<Int>?
    ) -> Void
  let tiledColumns: () -> Int
  let packTiles:
    (
      _ depth: Int, _ size: Int, _ first: Int, _ end: Int, _ rows: UnsafePointer<P>, _ packed: M
    ) -> Void
  let productTiled:
    (
      _ rows: Int, _ columns: Int, _ depth: Int, _ tiles: P, _ packed: P, _ packedDepth: Int,
      _ firstDepth: Int, _ accumulate: Bool, _ c: M, _ cRowStep: Int
    ) -> Void
  // Recurrence.
  let recurrentPackedSize: (_ kind: Int, _ inputSize: Int, _ hiddenSize: Int) -> Int
  let recurrentPack:
    (
      _ kind: Int, _ inputSize: Int, _ hiddenSize: Int, _ weightInput: P, _ weightHidden: P, _ bias: P,
      _ stateBias: P?, _ packed: M
    ) -> Void
  let recurrentForward:
    (
      _ kind: Int, _ rows: Int, _ firstRow: Int, _ endRow: Int, _ steps: Int, _ alive: UnsafePointer<Int>,
      _ offsets: UnsafePointer<Int>, _ positions: UnsafePointer<Int>, _ inputSize: Int, _ hiddenSize: Int, _ input: P,
      _ inputStride: Int, _ packed: P, _ parameters: P?, _ hidden: M, _ cell: M, _ scratch: M, _ output: M?,
      _ outputStride: Int, _ keptGates: M?, _ keptCell: M?, _ dropout: P?, _ keptHidden: P?, _ keptOfCell: P?,
      _ keptStride: Int, _ maskScratch: M?
    ) -> Void
  let recurrentStage:
    (
      _ kind: Int, _ stage: Int, _ rows: Int, _ firstUnit: Int, _ endUnit: Int, _ alive: UnsafePointer<Int>,
      _ offset: UnsafePointer<Int>, _ positions: UnsafePointer<Int>, _ inputSize: Int, _ hiddenSize: Int, _ input: P,
      _ inputStride: Int, _ packed: P, _ parameters: P?, _ previous: M, _ next: M, _ cell: M, _ scratch: M,
      _ output: M?, _ outputStride: Int, _ keptGates: M?, _ keptCell: M?
    ) -> Void
  let recurrentGates:
    (
      _ kind: Int, _ firstRow: Int, _ endRow: Int, _ hiddenSize: Int, _ sums: P, _ sumsStride: Int, _ parameters: P?,
      _ previous: M, _ next: M, _ cell: M, _ keptGates: M?
    ) -> Void
  let recurrentGatesBackward:
    (
      _ kind: Int, _ firstRow: Int, _ endRow: Int, _ hiddenSize: Int, _ gates: M, _ previous: P, _ cell: P,
      _ cellStride: Int, _ hiddenGradient: M, _ cellGradient: M
    ) -> Void
  let recurrentBackward:
    (
      _ kind: Int, _ rows: Int, _ firstRow: Int, _ endRow: Int, _ steps: Int, _ alive: UnsafePointer<Int>,
      _ offsets: UnsafePointer<Int>, _ positions: UnsafePointer<Int>, _ hiddenSize: Int, _ packedTransposed: P,
      _ parameters: P?, _ gates: M, _ keptCell: P, _ initial: P, _ output: P, _ outputStride: Int,
      _ outputGradient: P?, _ outputGradientStride: Int, _ hiddenGradient: M, _ cellGradient: M, _ scratch: M,
      _ dropout: P?, _ keptHidden: P?, _ keptOfCell: P?, _ keptStride: Int, _ maskScratch: M?
    ) -> Void
  // Optimizers.
  let sgdUpdate:
    (
      _ count: Int, _ parameter: M, _ gradient: P, _ momentumBuffer: M?, _ learningRate: Float, _ momentum: Float,
      _ nesterov: Bool, _ weightDecay: Float, _ firstStep: Bool
    ) -> Void
  let adamUpdate:
    (
      _ count: Int, _ parameter: M, _ gradient: P, _ first: M, _ second: M, _ learningRate: Float, _ beta1: Float,
      _ beta2: Float, _ epsilon: Float, _ weightDecay: Float, _ decoupled: Bool, _ correction1: Float,
      _ correction2: Float
    ) -> Void
  let rmspropUpdate:
    (
      _ count: Int, _ parameter: M, _ gradient: P, _ square: M, _ momentumBuffer: M?, _ average: M?,
      _ learningRate: Float, _ alpha: Float, _ epsilon: Float, _ weightDecay: Float, _ momentum: Float
    ) -> Void
  let adagradUpdate:
    (
      _ count: Int, _ parameter: M, _ gradient: P, _ sum: M, _ learningRate: Float, _ epsilon: Float,
      _ weightDecay: Float
    ) -> Void
  // The limit of all of them.
  let multiplyAddPeak: (_ repetitions: Int, _ result: M) -> Int
}

extension Kernels {
  static var baseline: Kernels {
    Kernels(
      unary: RefrainKernels.unary, unaryGradient: RefrainKernels.unaryGradient, binary: RefrainKernels.binary,
      binaryRows: RefrainKernels.binaryRows,
      fill: RefrainKernels.fill, copy: RefrainKernels.copy, scale: RefrainKernels.scale,
      addScaled: RefrainKernels.addScaled, clamp: RefrainKernels.clamp, sum: RefrainKernels.sum,
      sumOfSquares: RefrainKernels.sumOfSquares, dot: RefrainKernels.dot, sumRows: RefrainKernels.sumRows,
      sumProductRows: RefrainKernels.sumProductRows,
      allFinite: RefrainKernels.allFinite, softmaxRows: RefrainKernels.softmaxRows,
      logSoftmaxRows: RefrainKernels.logSoftmaxRows, softmaxGradientRows: RefrainKernels.softmaxGradientRows,
      logSoftmaxGradientRows: RefrainKernels.logSoftmaxGradientRows, layerNormRows: RefrainKernels.layerNormRows,
      layerNormGradientRows: RefrainKernels.layerNormGradientRows,
      crossEntropyRows: RefrainKernels.crossEntropyRows,
      crossEntropyGradientRows: RefrainKernels.crossEntropyGradientRows,
      transpose: RefrainKernels.transpose, panelWidth: RefrainKernels.panelWidth, paddedSize: RefrainKernels.paddedSize,
      packedSize: RefrainKernels.packedSize, packPanels: RefrainKernels.packPanels, product: RefrainKernels.product,
      tiledColumns: RefrainKernels.tiledColumns,
      packTiles: RefrainKernels.packTiles, productTiled: RefrainKernels.productTiled,
      recurrentPackedSize: RefrainKernels.recurrentPackedSize, recurrentPack: RefrainKernels.recurrentPack,
      recurrentForward: RefrainKernels.recurrentForward, recurrentStage: RefrainKernels.recurrentStage,
      recurrentGates: RefrainKernels.recurrentGates,
      recurrentGatesBackward: RefrainKernels.recurrentGatesBackward,
      recurrentBackward: RefrainKernels.recurrentBackward,
      sgdUpdate: RefrainKernels.sgdUpdate, adamUpdate: RefrainKernels.adamUpdate,
      rmspropUpdate: RefrainKernels.rmspropUpdate, adagradUpdate: RefrainKernels.adagradUpdate,
      multiplyAddPeak: RefrainKernels.multiplyAddPeak)
  }
  #if arch(x86_64)
    static var avx2: Kernels {
      Kernels(
        unary: RefrainKernelsAVX2.unary, unaryGradient: RefrainKernelsAVX2.unaryGradient,
        binary: RefrainKernelsAVX2.binary, binaryRows: RefrainKernelsAVX2.binaryRows, fill: RefrainKernelsAVX2.fill,
        copy: RefrainKernelsAVX2.copy,
        scale: RefrainKernelsAVX2.scale, addScaled: RefrainKernelsAVX2.addScaled, clamp: RefrainKernelsAVX2.clamp,
        sum: RefrainKernelsAVX2.sum, sumOfSquares: RefrainKernelsAVX2.sumOfSquares, dot: RefrainKernelsAVX2.dot,
        sumRows: RefrainKernelsAVX2.sumRows, sumProductRows: RefrainKernelsAVX2.sumProductRows,
        allFinite: RefrainKernelsAVX2.allFinite,
        softmaxRows: RefrainKernelsAVX2.softmaxRows, logSoftmaxRows: RefrainKernelsAVX2.logSoftmaxRows,
        softmaxGradientRows: RefrainKernelsAVX2.softmaxGradientRows,
        logSoftmaxGradientRows: RefrainKernelsAVX2.logSoftmaxGradientRows,
        layerNormRows: RefrainKernelsAVX2.layerNormRows,
        layerNormGradientRows: RefrainKernelsAVX2.layerNormGradientRows,
        crossEntropyRows: RefrainKernelsAVX2.crossEntropyRows,
        crossEntropyGradientRows: RefrainKernelsAVX2.crossEntropyGradientRows, transpose: RefrainKernelsAVX2.transpose,
        panelWidth: RefrainKernelsAVX2.panelWidth, paddedSize: RefrainKernelsAVX2.paddedSize,
        packedSize: RefrainKernelsAVX2.packedSize, packPanels: RefrainKernelsAVX2.packPanels,
        product: RefrainKernelsAVX2.product, tiledColumns: RefrainKernelsAVX2.tiledColumns,
        packTiles: RefrainKernelsAVX2.packTiles,
        productTiled: RefrainKernelsAVX2.productTiled, recurrentPackedSize: RefrainKernelsAVX2.recurrentPackedSize,
        recurrentPack: RefrainKernelsAVX2.recurrentPack, recurrentForward: RefrainKernelsAVX2.recurrentForward,
        recurrentStage: RefrainKernelsAVX2.recurrentStage, recurrentGates: RefrainKernelsAVX2.recurrentGates,
        recurrentGatesBackward: RefrainKernelsAVX2.recurrentGatesBackward,
        recurrentBackward: RefrainKernelsAVX2.recurrentBackward,
        sgdUpdate: RefrainKernelsAVX2.sgdUpdate, adamUpdate: RefrainKernelsAVX2.adamUpdate,
        rmspropUpdate: RefrainKernelsAVX2.rmspropUpdate, adagradUpdate: RefrainKernelsAVX2.adagradUpdate,
        multiplyAddPeak: RefrainKernelsAVX2.multiplyAddPeak)
    }

    static var avx512: Kernels {
      Kernels(
        unary: RefrainKernelsAVX512.unary, unaryGradient: RefrainKernelsAVX512.unaryGradient,
        binary: RefrainKernelsAVX512.binary, binaryRows: RefrainKernelsAVX512.binaryRows,
        fill: RefrainKernelsAVX512.fill, copy: RefrainKernelsAVX512.copy,
        scale: RefrainKernelsAVX512.scale, addScaled: RefrainKernelsAVX512.addScaled, clamp: RefrainKernelsAVX512.clamp,
        sum: RefrainKernelsAVX512.sum, sumOfSquares: RefrainKernelsAVX512.sumOfSquares, dot: RefrainKernelsAVX512.dot,
        sumRows: RefrainKernelsAVX512.sumRows, sumProductRows: RefrainKernelsAVX512.sumProductRows,
        allFinite: RefrainKernelsAVX512.allFinite,
        softmaxRows: RefrainKernelsAVX512.softmaxRows, logSoftmaxRows: RefrainKernelsAVX512.logSoftmaxRows,
        softmaxGradientRows: RefrainKernelsAVX512.softmaxGradientRows,
        logSoftmaxGradientRows: RefrainKernelsAVX512.logSoftmaxGradientRows,
        layerNormRows: RefrainKernelsAVX512.layerNormRows,
        layerNormGradientRows: RefrainKernelsAVX512.layerNormGradientRows,
        crossEntropyRows: RefrainKernelsAVX512.crossEntropyRows,
        crossEntropyGradientRows: RefrainKernelsAVX512.crossEntropyGradientRows,
        transpose: RefrainKernelsAVX512.transpose,
        panelWidth: RefrainKernelsAVX512.panelWidth, paddedSize: RefrainKernelsAVX512.paddedSize,
        packedSize: RefrainKernelsAVX512.packedSize, packPanels: RefrainKernelsAVX512.packPanels,
        product: RefrainKernelsAVX512.product, tiledColumns: RefrainKernelsAVX512.tiledColumns,
        packTiles: RefrainKernelsAVX512.packTiles,
        productTiled: RefrainKernelsAVX512.productTiled, recurrentPackedSize: RefrainKernelsAVX512.recurrentPackedSize,
        recurrentPack: RefrainKernelsAVX512.recurrentPack, recurrentForward: RefrainKernelsAVX512.recurrentForward,
        recurrentStage: RefrainKernelsAVX512.recurrentStage, recurrentGates: RefrainKernelsAVX512.recurrentGates,
        recurrentGatesBackward: RefrainKernelsAVX512.recurrentGatesBackward,
        recurrentBackward: RefrainKernelsAVX512.recurrentBackward,
        sgdUpdate: RefrainKernelsAVX512.sgdUpdate, adamUpdate: RefrainKernelsAVX512.adamUpdate,
        rmspropUpdate: RefrainKernelsAVX512.rmspropUpdate, adagradUpdate: RefrainKernelsAVX512.adagradUpdate,
        multiplyAddPeak: RefrainKernelsAVX512.multiplyAddPeak)
    }
  #endif
}

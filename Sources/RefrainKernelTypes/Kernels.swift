/// The kernels of one instruction set: the seam between Refrain, which owns memory, threads, shapes and every decision,
/// and the inner loops. Every compilation of the kernels has one type that conforms, `KernelBuild`; the contract of
/// each function stands at its definition there. A new kernel is named twice, here and where it is written.
///
/// Operations are the raw values of `UnaryOperation` and `BinaryOperation`, cells those of `RecurrentKind`.
public protocol Kernels: SendableMetatype {
  // CTC.swift
  static func ctcForward(
    _ steps: Int, _ states: Int, _ stride: Int, _ emissions: UnsafePointer<Float>, _ skips: UnsafePointer<Float>,
    _ alphas: UnsafeMutablePointer<Float>, _ maxima: UnsafeMutablePointer<Float>
  ) -> Bool
  static func ctcOccupancies(
    _ steps: Int, _ states: Int, _ stride: Int, _ emissions: UnsafePointer<Float>, _ skips: UnsafePointer<Float>,
    _ alphas: UnsafeMutablePointer<Float>, _ scratch: UnsafeMutablePointer<Float>)

  // Elementwise.swift
  static func unary(_ operation: Int, _ count: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>)
  static func unaryGradient(
    _ operation: Int, _ count: Int, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
    _ dx: UnsafeMutablePointer<Float>)
  static func binary(
    _ operation: Int, _ count: Int, _ x: UnsafePointer<Float>, _ xStep: Int, _ y: UnsafePointer<Float>, _ yStep: Int,
    _ z: UnsafeMutablePointer<Float>)
  static func binaryRows(
    _ operation: Int, _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ xStride: Int, _ xStep: Int,
    _ y: UnsafePointer<Float>, _ yStride: Int, _ yStep: Int, _ z: UnsafeMutablePointer<Float>, _ zStride: Int)
  static func fill(_ count: Int, _ value: Float, _ y: UnsafeMutablePointer<Float>)
  static func copy(_ count: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>)
  static func scale(_ count: Int, _ factor: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>)
  static func addScaled(_ count: Int, _ factor: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>)
  static func clamp(
    _ count: Int, _ lower: Float, _ upper: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>)

  // LayerNorm.swift
  static func layerNormRows(
    _ rows: Int, _ columns: Int, _ epsilon: Float, _ x: UnsafePointer<Float>, _ xStride: Int,
    _ gain: UnsafePointer<Float>, _ shift: UnsafePointer<Float>, _ accumulate: Bool, _ y: UnsafeMutablePointer<Float>,
    _ yStride: Int, _ means: UnsafeMutablePointer<Float>, _ inverseDeviations: UnsafeMutablePointer<Float>)
  static func layerNormGradientRows(
    _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ xStride: Int, _ gain: UnsafePointer<Float>,
    _ means: UnsafePointer<Float>, _ inverseDeviations: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
    _ dyStride: Int, _ dx: UnsafeMutablePointer<Float>, _ dxStride: Int, _ dgain: UnsafeMutablePointer<Float>,
    _ dshift: UnsafeMutablePointer<Float>?, _ sumStride: Int, _ rowsPerSum: Int)

  // Optimizers.swift
  static func sgdUpdate(
    _ count: Int, _ parameter: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>,
    _ momentumBuffer: UnsafeMutablePointer<Float>?, _ learningRate: Float, _ momentum: Float, _ nesterov: Bool,
    _ weightDecay: Float, _ firstStep: Bool)
  static func adamUpdate(
    _ count: Int, _ parameter: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>,
    _ first: UnsafeMutablePointer<Float>, _ second: UnsafeMutablePointer<Float>, _ learningRate: Float, _ beta1: Float,
    _ beta2: Float, _ epsilon: Float, _ weightDecay: Float, _ decoupled: Bool, _ correction1: Float,
    _ correction2: Float)
  static func rmspropUpdate(
    _ count: Int, _ parameter: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>,
    _ square: UnsafeMutablePointer<Float>, _ momentumBuffer: UnsafeMutablePointer<Float>?,
    _ average: UnsafeMutablePointer<Float>?, _ learningRate: Float, _ alpha: Float, _ epsilon: Float,
    _ weightDecay: Float, _ momentum: Float)
  static func adagradUpdate(
    _ count: Int, _ parameter: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>,
    _ sum: UnsafeMutablePointer<Float>, _ learningRate: Float, _ epsilon: Float, _ weightDecay: Float)

  // Packing.swift
  static func packedSize(_ depth: Int, _ columns: Int) -> Int
  static func packPanels(
    _ depth: Int, _ columns: Int, _ b: UnsafePointer<Float>, _ rowStep: Int, _ columnStep: Int,
    _ packed: UnsafeMutablePointer<Float>)

  // Peak.swift
  static func multiplyAddPeak(_ repetitions: Int, _ result: UnsafeMutablePointer<Float>) -> Int

  // Product.swift
  static func product(
    _ rows: Int, _ columns: Int, _ depth: Int, _ a: UnsafePointer<Float>, _ aRowStep: Int, _ aColumnStep: Int,
    _ aOffsets: UnsafePointer<Int>?, _ packed: UnsafePointer<Float>, _ bias: UnsafePointer<Float>?, _ accumulate: Bool,
    _ c: UnsafeMutablePointer<Float>, _ cRowStep: Int, _ cOffsets: UnsafePointer<Int>?)

  // ProductTransposed.swift
  static func tiledColumns() -> Int
  static func packTiles(
    _ depth: Int, _ size: Int, _ first: Int, _ end: Int, _ rows: UnsafePointer<UnsafePointer<Float>>,
    _ packed: UnsafeMutablePointer<Float>)
  static func productTiled(
    _ rows: Int, _ columns: Int, _ depth: Int, _ tiles: UnsafePointer<Float>, _ packed: UnsafePointer<Float>,
    _ packedDepth: Int, _ firstDepth: Int, _ accumulate: Bool, _ c: UnsafeMutablePointer<Float>, _ cRowStep: Int)

  // RecurrentCells.swift
  static func recurrentPackedSize(_ kind: Int, _ inputSize: Int, _ hiddenSize: Int) -> Int
  static func recurrentPack(_ arguments: RecurrentPackArguments)
  static func recurrentForward(_ arguments: RecurrentForwardArguments, _ firstRow: Int, _ endRow: Int)
  static func recurrentStage(
    _ arguments: RecurrentForwardArguments, _ stage: RecurrentStageArguments, _ firstUnit: Int, _ endUnit: Int)
  static func recurrentGates(
    _ kind: Int, _ firstRow: Int, _ endRow: Int, _ hiddenSize: Int, _ sums: UnsafePointer<Float>, _ sumsStride: Int,
    _ parameters: UnsafePointer<Float>?, _ previous: UnsafeMutablePointer<Float>, _ next: UnsafeMutablePointer<Float>,
    _ cell: UnsafeMutablePointer<Float>, _ keptGates: UnsafeMutablePointer<Float>?)
  static func recurrentGatesBackward(
    _ kind: Int, _ firstRow: Int, _ endRow: Int, _ hiddenSize: Int, _ gates: UnsafeMutablePointer<Float>,
    _ previous: UnsafePointer<Float>, _ cell: UnsafePointer<Float>, _ cellStride: Int,
    _ dHidden: UnsafeMutablePointer<Float>, _ dCell: UnsafeMutablePointer<Float>)
  static func recurrentBackward(_ arguments: RecurrentBackwardArguments, _ firstRow: Int, _ endRow: Int)

  // Reductions.swift
  static func sum(_ count: Int, _ x: UnsafePointer<Float>) -> Float
  static func sumOfSquares(_ count: Int, _ x: UnsafePointer<Float>) -> Float
  static func dot(_ count: Int, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>) -> Float
  static func sumRows(
    _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ rowStride: Int, _ y: UnsafeMutablePointer<Float>)
  static func sumProductRows(
    _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ xStride: Int, _ y: UnsafePointer<Float>, _ yStride: Int,
    _ z: UnsafeMutablePointer<Float>)
  static func allFinite(_ count: Int, _ x: UnsafePointer<Float>) -> Bool

  // Softmax.swift
  static func softmaxRows(_ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>)
  static func logSoftmaxRows(_ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>)
  static func softmaxGradientRows(
    _ rows: Int, _ columns: Int, _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
    _ dx: UnsafeMutablePointer<Float>)
  static func logSoftmaxGradientRows(
    _ rows: Int, _ columns: Int, _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
    _ dx: UnsafeMutablePointer<Float>)
  static func crossEntropyRows(
    _ rows: Int, _ columns: Int, _ logits: UnsafePointer<Float>, _ targets: UnsafePointer<Int>, _ smoothing: Float,
    _ losses: UnsafeMutablePointer<Float>, _ maxima: UnsafeMutablePointer<Float>, _ sums: UnsafeMutablePointer<Float>)
  static func crossEntropyGradientRows(
    _ rows: Int, _ columns: Int, _ logits: UnsafePointer<Float>, _ targets: UnsafePointer<Int>, _ smoothing: Float,
    _ maxima: UnsafePointer<Float>, _ sums: UnsafePointer<Float>, _ factors: UnsafePointer<Float>,
    _ gradient: UnsafeMutablePointer<Float>)

  // Transpose.swift
  static func transpose(
    _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ xStride: Int, _ y: UnsafeMutablePointer<Float>,
    _ yStride: Int)

  // Vector.swift
  static func vectorWidth() -> Int
  static func panelWidth() -> Int
  static func paddedSize(_ size: Int) -> Int
}

/// The kernels of one instruction set: the seam between Refrain, which owns memory, threads, shapes and every decision,
/// and the inner loops. Every compilation of the kernels has one type that conforms, `KernelBuild`; the contract of
/// each function stands at its definition there. A new kernel is named twice, here and where it is written; one that
/// takes more than a few arguments takes them as a struct.
///
/// Operations are the raw values of `UnaryOperation` and `BinaryOperation`, cells those of `RecurrentKind`.
public protocol Kernels: SendableMetatype {
  // Convolution.swift
  static func convolutionLine(_ arguments: ConvolutionLineArguments)

  // CTC.swift
  static func ctcForward(_ arguments: CTCArguments) -> Bool
  static func ctcOccupancies(_ arguments: CTCArguments)

  // Elementwise.swift
  static func unary(_ operation: Int, _ count: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>)
  static func unaryGradient(
    _ operation: Int, _ count: Int, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
    _ dx: UnsafeMutablePointer<Float>)
  static func binary(
    _ operation: Int, _ count: Int, _ x: UnsafePointer<Float>, _ xStep: Int, _ y: UnsafePointer<Float>, _ yStep: Int,
    _ z: UnsafeMutablePointer<Float>)
  static func binaryRows(_ arguments: BinaryRowsArguments)
  static func fill(_ count: Int, _ value: Float, _ y: UnsafeMutablePointer<Float>)
  static func copy(_ count: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>)
  static func scale(_ count: Int, _ factor: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>)
  static func addScaled(_ count: Int, _ factor: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>)
  static func clamp(
    _ count: Int, _ lower: Float, _ upper: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>)

  // LayerNorm.swift
  static func layerNormRows(_ arguments: LayerNormArguments)
  static func layerNormGradientRows(_ arguments: LayerNormGradientArguments)

  // Optimizers.swift
  static func sgdUpdate(_ arguments: SGDArguments)
  static func adamUpdate(_ arguments: AdamArguments)
  static func rmspropUpdate(_ arguments: RMSpropArguments)
  static func adagradUpdate(_ arguments: AdagradArguments)

  // Packing.swift
  static func packedSize(_ depth: Int, _ columns: Int) -> Int
  static func packPanels(
    _ depth: Int, _ columns: Int, _ b: UnsafePointer<Float>, _ rowStep: Int, _ columnStep: Int,
    _ packed: UnsafeMutablePointer<Float>)

  // Peak.swift
  static func multiplyAddPeak(_ repetitions: Int, _ result: UnsafeMutablePointer<Float>) -> Int

  // Product.swift
  static func product(_ arguments: ProductArguments)

  // ProductTransposed.swift
  static func tiledColumns() -> Int
  static func packTiles(
    _ depth: Int, _ size: Int, _ first: Int, _ end: Int, _ rows: UnsafePointer<UnsafePointer<Float>>,
    _ packed: UnsafeMutablePointer<Float>)
  static func productTiled(_ arguments: TiledProductArguments)

  // RecurrentCells.swift
  static func recurrentPackedSize(
    _ kind: Int, _ inputSize: Int, _ hiddenSize: Int, _ format: RecurrentWeightFormat
  ) -> Int
  static func recurrentPack(_ arguments: RecurrentPackArguments)
  static func recurrentForward(_ arguments: RecurrentForwardArguments, _ firstRow: Int, _ endRow: Int)
  static func recurrentStage(
    _ arguments: RecurrentForwardArguments, _ stage: RecurrentStageArguments, _ firstUnit: Int, _ endUnit: Int)
  static func recurrentGates(_ arguments: RecurrentGatesArguments, _ firstRow: Int, _ endRow: Int)
  static func recurrentGatesBackward(_ arguments: RecurrentGatesBackwardArguments, _ firstRow: Int, _ endRow: Int)
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
  static func crossEntropyRows(_ arguments: CrossEntropyArguments, _ losses: UnsafeMutablePointer<Float>)
  static func crossEntropyGradientRows(
    _ arguments: CrossEntropyArguments, _ factors: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>)

  // Transpose.swift
  static func transpose(
    _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ xStride: Int, _ y: UnsafeMutablePointer<Float>,
    _ yStride: Int)

  // Vector.swift
  static func vectorWidth() -> Int
  static func panelWidth() -> Int
  static func paddedSize(_ size: Int) -> Int
}

/// Layers one after another. Their sizes follow from the size of the input:
///
///     var model = Sequential(inputSize: 10) {
///       LSTM(64, returning: .everyStep)
///       LSTM(32)
///       Dense(1)
///     }
///
/// In the braces `if`, `if`/`else` and `for` work as in any Swift.
public struct Sequential: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The shape of the input with the batch first; nil is a size that may change from batch to batch.
    public var inputShape: [Int?]
    /// The layers from the first to the last, without weights.
    public var layers: [LayerDescription]
  }

  public static let kind = "sequential"
  /// The shape of the input. It has all axes, the first being the batch, as ``outputShape(for:)`` takes them; nil is a
  /// size that may change from batch to batch, and every other size is demanded of inputs.
  public private(set) var inputShape: [Int?]
  /// The layers from the first to the last.
  public var layers: [any Layer]
  /// How the model is trained, once that is set: what it is, the training itself knows.
  var setup: (any TrainingSetup)?

  public var configuration: Configuration {
    Configuration(inputShape: inputShape, layers: layers.map(LayerDescription.init))
  }

  public init(_ configuration: Configuration) {
    inputShape = configuration.inputShape
    layers = configuration.layers.map(\.layer)
  }

  /// A model of sequences `[B, T, inputSize]`.
  ///
  /// - Parameters:
  ///   - inputSize: the size **I** of the input at one step.
  ///   - seed: where the weights are drawn from; nil draws from the default generator.
  public init(inputSize: Int, seed: UInt64? = nil, @LayerBuilder _ layers: () -> [any Layer]) {
    self.init(exampleShape: [nil, inputSize], seed: seed, layers)
  }

  /// A model of sequences of tokens `[B, T]`, for an ``Embedding`` first.
  public init(seed: UInt64? = nil, @LayerBuilder _ layers: () -> [any Layer]) {
    self.init(exampleShape: [nil], seed: seed, layers)
  }

  /// A model of inputs `[B] + exampleShape`, in which nil is a size that may change from batch to batch, such as the
  /// time.
  public init(exampleShape: [Int?], seed: UInt64? = nil, @LayerBuilder _ layers: () -> [any Layer]) {
    var generator = seed.map(RandomGenerator.init(seed:)) ?? makeRandomGenerator()
    self.init(exampleShape: exampleShape, layers: layers(), using: &generator)
  }

  /// A model of the given layers for inputs `[B] + exampleShape`, with weights drawn from `generator`.
  public init(exampleShape: [Int?], layers: [any Layer], using generator: inout RandomGenerator) {
    inputShape = [nil] + exampleShape
    self.layers = layers
    self = built(for: self.inputShape, using: &generator)
  }

  /// A model of layers that have their weights: nothing is drawn, and nothing checked.
  ///
  /// - Parameter inputShape: the shape of the input with the batch.
  package init(inputShape: [Int?], builtLayers: [any Layer]) {
    self.inputShape = inputShape
    layers = builtLayers
  }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    var shape = inputShape
    var isOutputOfScan = false
    for (index, layer) in layers.enumerated() {
      do throws(LayerError) {
        if isOutputOfScan { try Self.checkLastColumn(of: layer) }
        shape = try layer.outputShape(for: shape)
      } catch {
        throw LayerError("layer \(index): \(error.description)")
      }
      if layer is any ScanningLayer { isOutputOfScan = true }
    }
    return shape
  }

  /// Throws for a layer that would take the last unit of the recurrent layer before it for a time, or a score.
  private static func checkLastColumn<L: Layer>(of layer: L) throws(LayerError) {
    guard let column = (L.self as? any RecurrentLayer.Type)?.lastColumn else { return }
    throw LayerError(
      "\(L.kind): the last column of its input is \(column), which the outputs of the recurrent layer before it do not "
        + "have; stack layers with Stacked, which passes it on, or put a cell without it here")
  }

  public mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator) {
    var shape = inputShape
    for index in layers.indices {
      layers[index].build(for: shape, using: &generator)
      guard let next = try? layers[index].outputShape(for: shape) else { return }
      shape = next
    }
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    for index in layers.indices { try layers[index].forEachTensor(under: "\(index)", body) }
  }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    var values = input.map { cleared($0, input.steps) }
    for layer in layers { values = layer(values) }
    return values
  }

  public func outputActivation(after previous: Activation?) -> Activation? {
    layers.reduce(previous) { $1.outputActivation(after: $0) }
  }

  public var isBuilt: Bool { layers.allSatisfy { $0.isBuilt } }

  /// The input with zeros where there is no valid step: a layer that reads each step alone would take whatever stands
  /// there for a value, and a NaN would reach the gradient of its weights. Recurrent layers do not look there.
  func cleared(_ input: Tensor, _ steps: Steps) -> Tensor {
    readsPadding && input.rank == inputShape.count ? input.masked(steps) : input
  }

  /// Whether the input is of sequences.
  package var hasSteps: Bool { inputShape.count > 2 || inputShape.count == 2 && inputShape[1] == nil }

  /// Whether the first layer would look at what stands past the lengths.
  package var readsPadding: Bool { hasSteps && !(layers.first is any ScanningLayer) }
}

/// What a ``Sequential`` keeps for its training.
protocol TrainingSetup: LeftOut, Sendable {}

/// A layer as saved files describe it: its kind and configuration, without weights.
public struct LayerDescription: Codable, Sendable {
  /// The layer, without weights when it was read from a file.
  public let layer: any Layer

  /// The description of a layer.
  public init(_ layer: any Layer) { self.layer = layer }

  private enum Key: CodingKey { case kind, configuration }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let kind = try container.decode(String.self, forKey: .kind)
    let others = decoder.userInfo[Layers.decodingKey] as? [any Layer.Type] ?? []
    guard let type = Layers.named(kind, among: others) else {
      throw DecodingError.dataCorruptedError(
        forKey: .kind, in: container, debugDescription: "there is no layer of the kind '\(kind)'")
    }
    func make<L: Layer>(_ type: L.Type) throws -> any Layer {
      L(try container.decode(L.Configuration.self, forKey: .configuration))
    }
    layer = try make(type)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    func encode<L: Layer>(_ layer: L) throws {
      try container.encode(L.kind, forKey: .kind)
      try container.encode(layer.configuration, forKey: .configuration)
    }
    try encode(layer)
  }
}

/// What the braces of a ``Sequential`` understand.
@resultBuilder
public enum LayerBuilder {
  /// A layer.
  public static func buildExpression(_ layer: any Layer) -> [any Layer] { [layer] }
  /// Several layers at once.
  public static func buildExpression(_ layers: [any Layer]) -> [any Layer] { layers }
  /// What stands in a block, one after another.
  public static func buildBlock(_ parts: [any Layer]...) -> [any Layer] { parts.flatMap { $0 } }
  /// An `if` without `else`.
  public static func buildOptional(_ part: [any Layer]?) -> [any Layer] { part ?? [] }
  /// The first branch of an `if` or `switch`.
  public static func buildEither(first part: [any Layer]) -> [any Layer] { part }
  /// The other branch.
  public static func buildEither(second part: [any Layer]) -> [any Layer] { part }
  /// A loop.
  public static func buildArray(_ parts: [[any Layer]]) -> [any Layer] { parts.flatMap { $0 } }
  /// What stands behind `if #available`.
  public static func buildLimitedAvailability(_ part: [any Layer]) -> [any Layer] { part }
}

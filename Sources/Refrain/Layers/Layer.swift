/// A layer: tensors to learn, and the map they make from one batch to another.
///
/// A layer is first described (`Dense(10)`), then built for the shape of its input, which draws its weights. A new
/// layer is one file and one line in ``Layers/all``.
public protocol Layer: Module {
  /// What a saved file has to say of the layer, besides its tensors.
  associatedtype Configuration: Codable & Sendable

  /// The name in saved files, such as `dense`.
  static var kind: String { get }

  /// What a saved file says of this layer.
  var configuration: Configuration { get }

  /// The layer without weights.
  init(_ configuration: Configuration)

  /// The shape of the output for a shape of the input. The first axis is the batch; nil is a size not known yet, such
  /// as the batch and the time.
  func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?]

  /// Draws the weights for inputs of the given shape, for which ``outputShape(for:)`` has not thrown.
  mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator)

  /// The output for an input. Both say which of their steps there are: a layer that takes each step alone passes them
  /// on (``StepValues/map(_:)``), one that looks at several heeds them, one whose output has no steps gives `Steps()`,
  /// and one that finds in its input which steps there are says so. The layer after it is given what comes out.
  func callAsFunction(_ input: StepValues) -> StepValues

  /// The function that the values of the output have gone through last, where that is known: what a loss has to fit.
  ///
  /// - Parameter previous: that of the input, which a layer that only passes values on gives again.
  func outputActivation(after previous: Activation?) -> Activation?

  /// Whether the layer has its weights. One that has none to draw always is.
  var isBuilt: Bool { get }
}

extension Layer {
  public func outputActivation(after previous: Activation?) -> Activation? { nil }

  public var isBuilt: Bool { true }

  /// Stops where the layer is called before it has its weights.
  func requireBuilt() {
    require(
      isBuilt,
      "\(Self.kind): the layer has no weights yet; put it into a Sequential, or give it an inputSize where it is made")
  }

  public mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator) {}
  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {}

  /// The output for an input all of whose steps are valid, or the first of each sequence of a padded batch `[B, T, …]`.
  ///
  /// - Parameter lengths: the valid steps of each sequence; nil means all.
  public func callAsFunction(_ input: Tensor, lengths: [Int]? = nil) -> Tensor {
    self(StepValues(input, steps: Steps(lengths: lengths))).values
  }

  /// The output where more than lengths is to be said of the steps.
  public func callAsFunction(_ input: Tensor, steps: Steps) -> Tensor { self(StepValues(input, steps: steps)).values }

  /// The layer built for inputs of the given shape; stops where the shape does not fit.
  func built(for inputShape: [Int?], using generator: inout RandomGenerator) -> Self {
    do throws(LayerError) { _ = try outputShape(for: inputShape) } catch { fatalError(error.description) }
    var copy = self
    copy.build(for: inputShape, using: &generator)
    return copy
  }
}

/// Every kind of layer that a saved file may name.
public enum Layers {
  /// The kinds; a new one is added here.
  public static let all: [any Layer.Type] =
    [
      Dense.self, Embedding.self, Dropout.self, ActivationPenalty.self, LayerNorm.self, Flatten.self, Reshape.self,
      AttentionPooling.self, Masking.self, Activate.self,
      BatchNorm.self, ParametricReLU.self, GaussianNoise.self, RepeatVector.self, Permute.self, TimeReversal.self,
      LastStep.self,
      Pooling1D.self, GlobalPooling1D.self, TimeDistributed.self,
      Conv1D.self, Conv2D.self, Pooling2D.self, GlobalPooling2D.self,
      ConvLSTM.self, DepthwiseLSTM.self, GridLSTM.self, Sequential.self,
    ] + Cells.all.flatMap { layers(of: $0) }

  /// The layers of a cell; with a cell that is not in ``Cells/all``, what a file that has it is to be read with.
  public static func layers<Cell: RecurrentCell>(of cell: Cell.Type) -> [any Layer.Type] {
    [
      Recurrent<Cell>.self, Bidirectional<Cell>.self, Stacked<Recurrent<Cell>>.self, Stacked<Bidirectional<Cell>>.self,
    ]
  }

  /// The layer of the given kind, or nil.
  ///
  /// - Parameter others: kinds besides those of ``all``.
  public static func named(_ kind: String, among others: [any Layer.Type] = []) -> (any Layer.Type)? {
    (all + others).first { $0.kind == kind }
  }

  /// Under which a decoder is told of kinds besides those of ``all``: an `[any Layer.Type]`.
  public static let decodingKey = CodingUserInfoKey(rawValue: "refrain.layers")!
}

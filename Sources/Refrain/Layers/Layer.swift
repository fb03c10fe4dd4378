/// A layer: tensors to learn, and the map they make from one batch to another.
///
/// A layer is first described (`Dense(10)`), then built for the shape of its input, which draws its weights. A new
/// layer is one file and one line in ``Layers/all``.
public protocol Layer: Module {
  /// What a saved file has to say of the layer, besides its tensors.
  associatedtype Configuration: Codable & Sendable

  /// The name in saved files, such as `dense`.
  static var kind: String { get }

  var configuration: Configuration { get }

  /// The layer without weights.
  init(_ configuration: Configuration)

  /// The shape of the output for a shape of the input. The first axis is the batch; nil is a size not known yet, such
  /// as the batch and the time.
  func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?]

  /// Draws the weights for inputs of the given shape, for which ``outputShape(for:)`` has not thrown.
  mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator)

  /// The output for an input. `lengths` are the valid steps of each sequence of a padded batch `[B, T, …]`; nil means
  /// all.
  func callAsFunction(_ input: Tensor, lengths: [Int]?) -> Tensor

  /// The same where more than lengths is to be said of the steps. A layer that looks at more than one step gives this
  /// one; for the others it follows.
  func callAsFunction(_ input: Tensor, steps: Steps) -> Tensor

  /// The same, and `steps` become those of the output, which the layers after it are given. A layer that finds in its
  /// input which steps there are, or whose output has none, gives this one; for the others they stay what they were.
  func callAsFunction(_ input: Tensor, passing steps: inout Steps) -> Tensor
}

extension Layer {
  public func callAsFunction(_ input: Tensor, steps: Steps) -> Tensor {
    require(
      steps == Steps(lengths: steps.lengths) || self is any SteppingLayer,
      "\(Self.kind) takes lengths alone: no gaps, no resets, and no time-first input")
    return self(input, lengths: steps.lengths)
  }

  public func callAsFunction(_ input: Tensor, passing steps: inout Steps) -> Tensor { self(input, steps: steps) }

  public mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator) {}
  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {}

  /// The output for an input all of whose steps are valid.
  public func callAsFunction(_ input: Tensor) -> Tensor { self(input, lengths: nil) }

  /// The layer built for inputs of the given shape; stops where the shape does not fit.
  func built(for inputShape: [Int?], using generator: inout RandomGenerator) -> Self {
    do throws(LayerError) { _ = try outputShape(for: inputShape) } catch { fatalError(error.description) }
    var copy = self
    copy.build(for: inputShape, using: &generator)
    return copy
  }
}

/// A layer that does not fit its input.
public struct LayerError: Error, CustomStringConvertible, Sendable {
  /// One line: which layer, and what does not fit.
  public let description: String
  /// An error that says `description`.
  public init(_ description: String) { self.description = description }
}

/// The last size of a shape, which a layer needs to know.
func features(of shape: [Int?], for layer: String) throws(LayerError) -> Int {
  guard shape.count >= 2, let size = shape[shape.count - 1], size > 0 else {
    throw LayerError("\(layer): the input of shape \(shapeText(shape)) has no known size; give Sequential an inputSize")
  }
  return size
}

/// A size of a layer, which must be positive.
func check(_ size: Int, _ name: String, of layer: String) throws(LayerError) {
  guard size > 0, size <= 1 << 28 else { throw LayerError("\(layer): \(name) is \(size), and must be positive") }
}

/// A shape as text: the batch is B, a time not known T.
func shapeText(_ shape: [Int?]) -> String {
  let parts = shape.enumerated().map { axis, size in size.map(String.init) ?? (axis == 0 ? "B" : "T") }
  return "[" + parts.joined(separator: ", ") + "]"
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
      Conv1D.self, ConvLSTM.self, DepthwiseLSTM.self, GridLSTM.self, Sequential.self,
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

/// What holds the weights of some names back while a model trains.
///
///     penalties: [.squares(1e-4, on: "*.weight_*"), .maximumNorm(3, on: "*.weight_hh*")]
///
/// Names are those of the model's walk, as in saved files; in a pattern `*` stands for any characters, also none.
public struct WeightPenalty: Sendable, Equatable {
  private enum Kind: Sendable { case absolute, squares, decay, maximumNorm }

  private let kind: Kind
  private let strength: Float
  /// Which weights: a name, in which `*` stands for any characters.
  public let pattern: String

  private init(_ kind: Kind, _ strength: Float, _ pattern: String) {
    require(
      kind == .maximumNorm ? strength > 0 : strength >= 0,
      "the strength of a penalty on '\(pattern)' is \(strength), and must be positive")
    self.kind = kind
    self.strength = strength
    self.pattern = pattern
  }

  /// λ Σ |θ|, added to the loss: L1 (Tibshirani 1996). `pattern` says which weights.
  public static func absolute(_ strength: Float, on pattern: String = "*") -> WeightPenalty {
    WeightPenalty(.absolute, strength, pattern)
  }

  /// λ Σ θ², added to the loss: L2, as Keras has it; a weight decay of 2 λ in the gradient. `pattern` says which
  /// weights. As with ``absolute(_:on:)``, the gradient of a table is not sparse then.
  public static func squares(_ strength: Float, on pattern: String = "*") -> WeightPenalty {
    WeightPenalty(.squares, strength, pattern)
  }

  /// Before each step θ is multiplied by 1 − η λ, η being the learning rate of the step: weight decay apart from the
  /// gradient (Loshchilov and Hutter 2019), with any optimizer; with ``Adam`` it is ``AdamW``. `pattern` says which
  /// weights.
  public static func decay(_ strength: Float, on pattern: String = "*") -> WeightPenalty {
    WeightPenalty(.decay, strength, pattern)
  }

  /// After each step the weights that go into a unit, a row of `[units, …]`, are scaled to the Euclidean norm `limit`
  /// where theirs is greater (Srivastava et al. 2014); a bias is one row. `pattern` says which weights.
  public static func maximumNorm(_ limit: Float, on pattern: String) -> WeightPenalty {
    WeightPenalty(.maximumNorm, limit, pattern)
  }

  /// What is added to the loss at `model`: a scalar, 0 for ``decay(_:on:)`` and ``maximumNorm(_:on:)``.
  func value<M: Module>(of model: M) -> Tensor {
    guard kind == .absolute || kind == .squares else { return Tensor(0) }
    let terms = model.namedTensors.filter { $0.name.matches(pattern: pattern) }
      .map { kind == .absolute ? abs($0.tensor).sum() : $0.tensor.squared.sum() }
    return terms.reduce(Tensor(0), +) * strength
  }

  /// Draws weights to zero before a step; does nothing for the other kinds.
  func decay<M: Module>(_ model: inout M, learningRate: Float) {
    guard kind == .decay else { return }
    let factor = 1 - learningRate * strength
    model.forEachTensor { name, tensor in
      guard name.matches(pattern: pattern) else { return }
      let count = tensor.count
      tensor.write { kernels.scale(count, factor, $0, $0) }
    }
  }

  /// Brings rows back to the greatest norm; does nothing for the other kinds.
  func limit<M: Module>(_ model: inout M) {
    guard kind == .maximumNorm else { return }
    model.forEachTensor { name, tensor in
      guard name.matches(pattern: pattern), tensor.count > 0 else { return }
      let rows = tensor.rank < 2 ? 1 : tensor.shape[0]
      let columns = tensor.count / rows
      tensor.write { values in
        for row in 0..<rows {
          let start = values + row * columns
          let norm = kernels.sumOfSquares(columns, start).squareRoot()
          if norm > strength { kernels.scale(columns, strength / norm, start, start) }
        }
      }
    }
  }

  /// Stops where the pattern fits no tensor: a misspelt name would go unnoticed.
  func check<M: Module>(_ model: M) {
    let names = model.namedTensors.map(\.name)
    require(
      names.contains { $0.matches(pattern: pattern) },
      "the penalty's pattern '\(pattern)' fits none of the weights \(names.joined(separator: ", "))")
  }
}

import Refrain

/// The sizes of a network that reads columns.
public struct NetworkPlan: Codable, Sendable, Equatable {
  /// What becomes of the steps of a sequence.
  public enum Pooling: String, Codable, Sendable, CaseIterable {
    /// A mean with learned weights, beside the greatest values.
    case attention
    /// The greatest value of each unit.
    case max
    /// What the last steps say, of each direction.
    case last
  }

  /// The recurrent cell.
  public var cell = "lstm"
  /// Recurrent layers.
  public var layers = 1
  /// Units of each layer and direction.
  public var hiddenSize = 64
  /// Whether sequences are read from both ends.
  public var isBidirectional = true
  /// What becomes of the steps of a sequence.
  public var pooling = Pooling.attention
  /// The size of a token's vector.
  public var embeddingSize = 64
  /// The share of values that are left out between layers.
  public var dropout: Float = 0.5
  /// The share of tokens that are left out.
  public var wordDropout: Float = 0.1
  /// How the recurrent layers are regularized besides; nil is not.
  var regularizers: RecurrentRegularizers?

  /// The sizes for middling data.
  public init() {}

  /// Whether a plan from a file can be built.
  var isSound: Bool {
    1...64 ~= layers && 1...4096 ~= hiddenSize && 1...4096 ~= embeddingSize && 0..<1 ~= dropout && 0..<1 ~= wordDropout
      && regularizers.areSound
      && Cells.named(cell).map { $0.lastColumn == nil || $0.readsTime } == true
  }

  /// Whether the cell is told the time between steps, which only series have.
  var readsTime: Bool { Cells.named(cell)?.readsTime == true }
}

extension RecurrentCell {
  /// Whether the last column of the input is the time since the step before.
  package static var readsTime: Bool { lastColumn == GRUDCell.lastColumn }
}

import Refrain
import RefrainData

/// A recurrent operator with a connection to the one below it.
struct ImportedLevel: Sendable {
  var recurrent: ImportedRecurrent
  var connection: Connection
  /// The gate of a highway.
  var highway: Dense?
  /// The LSTM that goes from level to level, at the lowest one alone: of it the stack begins.
  var depth: LSTMCell?
}

/// Recurrent operators with connections between them, as a ``Stacked`` layer.
struct ImportedStack {
  private var levels: [ImportedRecurrent]
  private let connection: Connection
  private var highways: [Dense] = []
  private var depth: [LSTMCell] = []

  /// The layers of a chain, in which levels with connections become stacks.
  static func layers(_ chain: [ImportedLayer]) throws(DataError) -> [any Layer] {
    var layers: [any Layer] = []
    var stack: ImportedStack?
    for (index, layer) in chain.enumerated() {
      let next: ImportedLevel? =
        if index + 1 < chain.count, case .level(let level) = chain[index + 1] { level } else { nil }
      switch layer {
      case .recurrent(let lowest) where next.map { $0.depth == nil } ?? false:
        stack = ImportedStack(lowest, next?.connection ?? .direct)
      case .level(let level):
        if level.depth == nil { stack?.add(level) } else { stack = ImportedStack(level) }
      default: layers.append(try layer.layer)
      }
      if let done = stack, next == nil || next?.depth != nil {
        layers.append(try done.layer)
        stack = nil
      }
    }
    return layers
  }

  private init(_ lowest: ImportedRecurrent, _ connection: Connection) {
    (levels, self.connection) = ([lowest], connection)
  }

  private init(_ lowest: ImportedLevel) {
    self.init(lowest.recurrent, lowest.connection)
    depth = lowest.depth.map { [$0] } ?? []
  }

  private mutating func add(_ level: ImportedLevel) {
    levels.append(level.recurrent)
    if let highway = level.highway { highways.append(highway) }
  }

  private var layer: any Layer {
    get throws(DataError) {
      var layers: [any Layer] = []
      for level in levels {
        var level = level
        level.returning = .everyStep
        layers.append(try level.layer)
      }
      func make<Cell: RecurrentCell>(_: Cell) -> any Layer {
        stacked(layers.compactMap { $0 as? Recurrent<Cell> })
          ?? stacked(layers.compactMap { $0 as? Bidirectional<Cell> }) ?? layers[0]
      }
      return make(levels[0].cells[0])
    }
  }

  private func stacked<Level: RecurrentLayer>(_ layers: [Level]) -> (any Layer)? {
    guard layers.count == levels.count else { return nil }
    var stack = Stacked<Level>(
      levels.map { $0.cells[0].hiddenSize }, connection: connection,
      returning: levels[levels.count - 1].returning, initial: levels[0].learned == nil ? .fixed : .learned)
    stack.levels = layers
    stack.links = Links(connection, highways: highways, depth: depth)
    return stack
  }
}

extension ImportedRecurrent {
  /// The size of the output, with the directions side by side.
  var width: Int { cells.reduce(0) { $0 + $1.hiddenSize } }

  /// Whether it can be a level of a stack, in which all go forward or both ways, and directions stand side by side.
  var isLevel: Bool { cells.count == 1 ? direction == .forward : merge == .concatenate }

  /// Whether it can be the level on another.
  func fits(on lower: ImportedRecurrent) -> Bool {
    isLevel && lower.isLevel && cells.count == lower.cells.count && type(of: cells[0]) == type(of: lower.cells[0])
      && (learned == nil) == (lower.learned == nil) && width == lower.width
      && cells.allSatisfy { $0.inputSize == lower.width }
  }
}

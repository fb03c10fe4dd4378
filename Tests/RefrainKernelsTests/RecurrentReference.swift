import RefrainKernels

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

typealias Cell = RecurrentKind

extension RecurrentKind {
  /// Those whose formula stands below; the others have theirs in the library's tests, on every instruction set.
  static let referenced: [RecurrentKind] = [.lstm, .gru, .resetBeforeGRU, .minimalGatedUnit, .tanhRNN, .reluRNN]

  var blocks: Int {
    switch self {
    case .gru, .resetBeforeGRU: 3
    case .minimalGatedUnit: 2
    case .tanhRNN, .reluRNN: 1
    default: 4
    }
  }
  var stages: Int { self == .resetBeforeGRU || self == .minimalGatedUnit ? 2 : 1 }

  /// The gates kept a unit.
  var kept: Int { self == .tanhRNN || self == .reluRNN ? 1 : 4 }
}

/// The numbers a recurrent network works on, in double precision or as they are handed to the kernels.
struct Numbers<Number> {
  var x: [Number]  // [rows, T, I]
  var w: [Number]  // [G·H, I]
  var r: [Number]  // [G·H, H]
  var b: [Number]  // [G·H]
  var bn: [Number]  // [H], of the GRU's n
  var h: [Number]  // [rows, H]
  var c: [Number]  // [rows, H]

  static var fields: [(String, WritableKeyPath<Numbers, [Number]>)] {
    [("x", \.x), ("w", \.w), ("r", \.r), ("b", \.b), ("bn", \.bn), ("h", \.h), ("c", \.c)]
  }
}

private func sigma(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

/// The formulas, one number at a time. Rows in the caller's order; outputs beyond a row's length are 0.
func reference(
  _ cell: Cell, _ n: Numbers<Double>, lengths: [Int], steps: Int, inputSize: Int, hiddenSize: Int
) -> (output: [Double], hidden: [Double], cell: [Double]) {
  var output = [Double](repeating: 0, count: lengths.count * steps * hiddenSize)
  var hidden = n.h
  var cells = n.c
  for row in lengths.indices {
    var h = Array(n.h[row * hiddenSize..<(row + 1) * hiddenSize])
    var c = Array(n.c[row * hiddenSize..<(row + 1) * hiddenSize])
    for t in 0..<lengths[row] {
      func input(_ gate: Int, _ u: Int) -> Double {
        var sum = n.b[gate * hiddenSize + u]
        for k in 0..<inputSize {
          sum += n.w[(gate * hiddenSize + u) * inputSize + k] * n.x[(row * steps + t) * inputSize + k]
        }
        return sum
      }
      func recurrent(_ gate: Int, _ u: Int, _ state: [Double]) -> Double {
        var sum = 0.0
        for k in 0..<hiddenSize { sum += n.r[(gate * hiddenSize + u) * hiddenSize + k] * state[k] }
        return sum
      }
      func both(_ gate: Int, _ u: Int) -> Double { input(gate, u) + recurrent(gate, u, h) }
      let units = 0..<hiddenSize
      switch cell {
      case .lstm:
        c = units.map { sigma(both(1, $0)) * c[$0] + sigma(both(0, $0)) * tanh(both(2, $0)) }
        h = units.map { sigma(both(3, $0)) * tanh(c[$0]) }
      case .gru:
        h = units.map { u in
          let candidate = tanh(input(2, u) + sigma(both(0, u)) * (recurrent(2, u, h) + n.bn[u]))
          let z = sigma(both(1, u))
          return (1 - z) * candidate + z * h[u]
        }
      case .resetBeforeGRU:
        let reset = units.map { sigma(both(0, $0)) * h[$0] }
        h = units.map { u in
          let z = sigma(both(1, u))
          return (1 - z) * tanh(input(2, u) + recurrent(2, u, reset)) + z * h[u]
        }
      case .minimalGatedUnit:
        let left = units.map { sigma(both(0, $0)) * h[$0] }
        h = units.map { u in
          let f = sigma(both(0, u))
          return (1 - f) * h[u] + f * tanh(input(1, u) + recurrent(1, u, left))
        }
      case .tanhRNN: h = units.map { tanh(both(0, $0)) }
      case .reluRNN: h = units.map { max(0, both(0, $0)) }
      default: fatalError("\(cell) has no formula here")
      }
      for u in units { output[(row * steps + t) * hiddenSize + u] = h[u] }
    }
    for u in 0..<hiddenSize {
      hidden[row * hiddenSize + u] = h[u]
      cells[row * hiddenSize + u] = c[u]
    }
  }
  return (output, hidden, cells)
}

import Foundation
import Refrain

/// Pieces of music as sequences of frames: at each step, which of 88 keys sound.
struct Chorales {
  /// For every piece the keys (0 … 87) that sound at each step.
  let pieces: [[[Int]]]

  static let keys = 88

  /// The parts of a file: `{"dims": 88, "splits": {"train": [[[60, 64], …], …], "valid": …, "test": …}}`.
  static func parts(of url: URL) throws -> (training: Chorales, validation: Chorales, test: Chorales) {
    struct File: Decodable {
      struct Splits: Decodable { let train, valid, test: [[[Int]]] }
      let dims: Int
      let splits: Splits
    }
    let file = try JSONDecoder().decode(File.self, from: Data(contentsOf: url))
    let all = [file.splits.train, file.splits.valid, file.splits.test]
    let areKeys = all.allSatisfy { $0.allSatisfy { $0.allSatisfy { $0.allSatisfy((0..<keys).contains) } } }
    guard file.dims == keys, areKeys, all.allSatisfy({ $0.contains { $0.count > 1 } }) else {
      throw CocoaError(.fileReadCorruptFile)
    }
    let parts = all.map(Chorales.init)
    return (parts[0], parts[1], parts[2])
  }

  /// Each step but the last as input `[B, T, 88]`, and as its target the step after.
  var examples: (input: Tensor, target: Tensor, lengths: [Int]) {
    let pieces = pieces.filter { $0.count > 1 }
    let lengths = pieces.map { $0.count - 1 }
    let time = lengths.max() ?? 0
    func rolls(from start: Int) -> Tensor {
      var values = [Float](repeating: 0, count: pieces.count * time * Self.keys)
      for (row, piece) in pieces.enumerated() {
        for step in 0..<lengths[row] {
          for key in piece[step + start] { values[(row * time + step) * Self.keys + key] = 1 }
        }
      }
      return Tensor(values, shape: [pieces.count, time, Self.keys])
    }
    return (rolls(from: 0), rolls(from: 1), lengths)
  }
}

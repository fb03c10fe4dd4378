import Refrain
import RefrainData

/// The arrays of a Keras model on their way into layers. It knows which were taken, and gathers what is wrong with
/// them.
final class KerasWeights {
  private let arrays: [String: NumericArray]
  private var taken: Set<String> = []
  private var problems: [String] = []
  /// How many values may still be made that no array holds: a config alone can ask for any number.
  private var allowance: Int

  /// The paths of all groups.
  private let groups: Set<String>

  init(_ tree: HDF5Tree) {
    arrays = tree.arrays
    var groups: Set<String> = []
    for path in tree.arrays.keys {
      var end = path.endIndex
      while let slash = path[..<end].lastIndex(of: "/"), groups.insert(String(path[..<slash])).inserted { end = slash }
    }
    self.groups = groups
    allowance = 65_536 + tree.arrays.values.reduce(0) { $0 + $1.values.count }
  }

  /// Whether there is an array below a path.
  func hasGroup(_ path: String) -> Bool { groups.contains(path) }

  /// A tensor that holds one value everywhere, for what the layer has not; nil where it would be too large, which is
  /// noted.
  func constant(_ value: Float, shape: [Int], of path: String) -> Tensor? {
    guard let count = elementCount(of: shape), count <= allowance else {
      problems.append("\(path.quoted) would have the shape \(shape)")
      return nil
    }
    allowance -= count
    return Tensor(repeating: value, shape: shape)
  }

  /// The array of this path and shape, or nil where there is none such, which is noted.
  func tensor(_ path: String, shape: [Int]) -> Tensor? {
    guard let found = tensorIfThere(path, shape: shape) else {
      if arrays[path] == nil { problems.append("\(path.quoted) is missing") }
      return nil
    }
    return found
  }

  /// The array of this path, or nil where there is none; one of another shape is noted.
  func tensorIfThere(_ path: String, shape: [Int]) -> Tensor? {
    guard let array = arrays[path] else { return nil }
    taken.insert(path)
    guard array.shape == shape else {
      problems.append("\(path.quoted) has the shape \(array.shape), expected \(shape)")
      return nil
    }
    return Tensor(array.values.floats, shape: shape)
  }

  /// - Throws: `damagedFile` when something was missing or misshapen, or is left over.
  func finish() throws(DataError) {
    // The states of generators of random numbers are whole numbers.
    let left = arrays.filter { !taken.contains($0.key) && !$0.key.contains("seed_generator") }
    problems += left.keys.sorted().map { "\($0.quoted) is left over" }
    guard !problems.isEmpty else { return }
    throw DataError(
      .damagedFile, "the weights do not fit the model: \(listed(problems))",
      remedy: "give the weights of a model with the same layers")
  }
}

/// Several problems in one line; of very many the first.
func listed(_ problems: [String]) -> String {
  let shown = problems.prefix(12).joined(separator: ", ")
  return problems.count > 12 ? shown + ", and \(problems.count - 12) more" : shown
}

/// Where a layer's arrays are.
struct KerasGroup {
  let weights: KerasWeights
  /// The path of the layer, such as `layers/lstm_1`.
  let path: String
  /// Whether the layer has a bias; nil where that is not known, and then it has one if there is one.
  var hasBias: Bool?
  /// The layer's gain and shift are `vars/0` and `vars/1`; where there is no gain the shift is `vars/0`.
  var hasGain = true
  /// Whether the group is a cell's: what a layer has as `cell/vars` is `vars` there.
  var isCell = false

  private func path(of name: String) -> String {
    path + "/" + (isCell && name.hasPrefix("cell/") ? String(name.dropFirst(5)) : name)
  }

  /// The array of this name, or nil where it is not there or does not fit.
  func tensor(_ name: String, shape: [Int]) -> Tensor? { weights.tensor(path(of: name), shape: shape) }

  /// A bias, which is zero where the layer has none.
  func bias(_ name: String, shape: [Int]) -> Tensor? {
    if hasBias == true { return tensor(name, shape: shape) }
    let found = hasBias == nil ? weights.tensorIfThere(path(of: name), shape: shape) : nil
    return found ?? weights.constant(0, shape: shape, of: path(of: name))
  }

  /// A gain, which is one where the layer has none.
  func gain(_ name: String, shape: [Int]) -> Tensor? {
    hasGain ? tensor(name, shape: shape) : weights.constant(1, shape: shape, of: path(of: name))
  }

  /// The group of a part of the layer.
  func part(_ name: String) -> KerasGroup {
    KerasGroup(weights: weights, path: "\(path)/\(name)", hasBias: hasBias, hasGain: hasGain, isCell: isCell)
  }
}

/// Gives layers the names that Keras' files have for them: the class in small letters, counted: `lstm`, `lstm_1`, ….
struct KerasNames {
  private var counts: [String: Int] = [:]

  mutating func next(_ kerasClass: String) -> String {
    let name = Self.snakeCase(kerasClass)
    defer { counts[name, default: 0] += 1 }
    return counts[name].map { "\(name)_\($0)" } ?? name
  }

  /// `SimpleRNN` as `simple_rnn`, `ConvLSTM2D` as `conv_lstm2d`.
  static func snakeCase(_ name: String) -> String {
    let letters = Array(name)
    return letters.indices.map { index in
      let begins =
        index > 0 && letters[index].isUppercase
        && (letters[index - 1].isLowercase || index + 1 < letters.count && letters[index + 1].isLowercase)
      return (begins ? "_" : "") + letters[index].lowercased()
    }.joined()
  }
}

import Refrain
import RefrainData

/// All that a frame predictor is made by besides its weights.
struct FramePlan: Codable, Equatable {
  /// What frames are brought into: rows, columns and colors are known.
  var format: FrameFormat
  var rows: Int
  var columns: Int
  var channels: Int
  /// The frames that are looked at, and those that are learned to follow.
  var context: Int
  var horizon: Int
  /// The side of the squares of a frame that the network sees as one place each.
  var patch: Int
  /// The channels of each layer.
  var filters: Int
  var layers: Int
  /// The rows and columns of a kernel.
  var kernel: Int
  var epochs: Int
  var batchSize: Int
  var learningRate: Float
  var seed: UInt64

  /// The rows and columns of places.
  var places: [Int] { [(rows + patch - 1) / patch, (columns + patch - 1) / patch] }
  /// The values of a place.
  var placeSize: Int { patch * patch * channels }

  /// What is wrong with numbers that somebody may have forged; nil where a network can be made by them.
  var fault: String? {
    if let fault = format.fault { return fault }
    guard (1...FrameFormat.mostPlaces).contains(rows), (1...FrameFormat.mostPlaces).contains(columns),
      [1, 3].contains(channels), (1...4096).contains(context), (1...4096).contains(horizon), (1...64).contains(patch),
      (1...4096).contains(filters), (1...16).contains(layers), (1...31).contains(kernel), kernel % 2 == 1
    else { return "a size is out of bounds" }
    return nil
  }

  /// About how many weights the network has.
  var weightCount: Double {
    let taps = Double(kernel * kernel)
    let (size, own) = (Double(placeSize), Double(filters))
    let first = 4 * own * (taps * (size + own) + 1)
    let others = Double(layers - 1) * 4 * own * (taps * 2 * own + 1)
    return 2 * (first + others) + size * (own * Double(layers) + 1)
  }

  /// The bytes of an example in training, about: what the layers keep of it.
  var exampleBytes: Int {
    let kept = Double(places[0] + kernel) * Double(places[1] + kernel) * Double(7 * filters * layers + placeSize)
    return Int(min(1e15, 4 * kept * Double(context + horizon)))
  }
}

import Foundation
import Refrain
import RefrainData

/// Weights of a ``ZeroShotNetwork`` as a Swift file holds them.
package enum ZeroShotWeights {
  /// The half nearest to a value.
  package static func half(_ value: Float) -> UInt16 { RefrainData.half(value) }

  /// A network from halves in base64, tensor after tensor in the order of its walk; nil when there are not as many as
  /// it takes.
  package static func network(base64 text: String, hiddenSize: Int, layers: Int) -> ZeroShotNetwork? {
    guard let data = Data(base64Encoded: text) else { return nil }
    var generator = RandomGenerator(seed: 0)
    var network = ZeroShotNetwork(hiddenSize: hiddenSize, layers: layers, using: &generator)
    let bytes = Array(data)
    guard bytes.count == 2 * network.parameterCount else { return nil }
    var place = 0
    network.forEachTensor { _, tensor in
      let values = (0..<tensor.count).map { index in
        float(half: UInt16(bytes[place + 2 * index]) | UInt16(bytes[place + 2 * index + 1]) << 8)
      }
      place += 2 * tensor.count
      tensor = Tensor(values, shape: tensor.shape)
    }
    return network
  }
}

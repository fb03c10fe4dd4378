import Refrain
import RefrainData
import RefrainFoundation

/// The weights of a ``ZeroShotNetwork`` as one string of a Swift file, so that a program with a pretrained network is
/// one file too.
///
/// The string is base64 of: the letters `RZ`, a version and the number of layers in a byte each, the hidden size and
/// two bytes of nothing; IEEE halves of all tensors in the order of their walk; the hash FNV-1a of all that. Numbers
/// are little-endian.
package enum ZeroShotWeights {
  /// The network that comes with the library, read when it is first asked for.
  package static let shipped: Result<ZeroShotNetwork, TaskError> = Result { () throws(TaskError) in
    try network(text)
  }

  private static let mark: [UInt8] = [UInt8(ascii: "R"), UInt8(ascii: "Z"), 1]
  private static let headCount = 8, checkCount = 4

  /// - Precondition: There are fewer than 256 layers of a size below 65,536.
  package static func text(of network: ZeroShotNetwork) -> String {
    let (hidden, layers) = (network.hiddenSize, network.layers)
    var bytes = mark + [UInt8(layers)] + littleEndian(UInt16(hidden)) + [0, 0]
    for (_, tensor) in network.namedTensors { for value in tensor.values { bytes += littleEndian(half(value)) } }
    bytes += littleEndian(hash(bytes))
    return Data(bytes).base64EncodedString()
  }

  /// The network of a string.
  ///
  /// - Throws: ``TaskError`` when it is not one that ``text(of:)`` made.
  package static func network(_ text: String) throws(TaskError) -> ZeroShotNetwork {
    func damaged(_ what: String) -> TaskError {
      TaskError("the weights of the pretrained network are damaged: \(what)", remedy: "install the program anew")
    }
    guard let data = Data(base64Encoded: text) else { throw damaged("they are not in base64") }
    let bytes = Array(data)
    guard bytes.count > headCount + checkCount, bytes.starts(with: mark) else {
      throw damaged("they do not begin as weights do")
    }
    let content = bytes.dropLast(checkCount)
    guard littleEndian(hash(content)) == Array(bytes.suffix(checkCount)) else {
      throw damaged("the checksum is another")
    }
    let (layers, hidden) = (Int(bytes[3]), Int(bytes[4]) | Int(bytes[5]) << 8)
    guard layers > 0, hidden > 0,
      content.count - headCount == 2 * ZeroShotNetwork.parameterCount(hiddenSize: hidden, layers: layers)
    else { throw damaged("there are not as many as the network takes") }
    var generator = RandomGenerator(seed: 0)
    var network = ZeroShotNetwork(hiddenSize: hidden, layers: layers, using: &generator)
    var place = headCount
    var areNumbers = true
    network.forEachTensor { _, tensor in
      let values = (0..<tensor.count).map { index in
        float(half: UInt16(bytes[place + 2 * index]) | UInt16(bytes[place + 2 * index + 1]) << 8)
      }
      areNumbers = areNumbers && values.allSatisfy(\.isFinite)
      place += 2 * tensor.count
      tensor = Tensor(values, shape: tensor.shape)
    }
    guard areNumbers else { throw damaged("one is no number") }
    return network
  }

  /// The hash of Fowler, Noll and Vo, in 32 bits.
  static func hash(_ bytes: some Sequence<UInt8>) -> UInt32 {
    bytes.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
  }

  private static func littleEndian(_ value: some FixedWidthInteger & UnsignedInteger) -> [UInt8] {
    (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }
}

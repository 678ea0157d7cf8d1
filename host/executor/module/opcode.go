package module

// immediate is what follows an instruction's opcode.
type immediate uint8

const (
	unknown   immediate = iota // no instruction of WebAssembly 2.0
	nothing                    //
	index                      // a number
	indices                    // two numbers
	access                     // alignment and offset of a memory access
	laneOf                     // the same, then a lane
	lane                       // one byte
	reference                  // a type of references
	signed                     // a number of up to 64 bits with a sign
	wide4                      // 4 bytes
	wide8                      // 8 bytes
	wide16                     // 16 bytes
	structure                  // what the scan itself knows
)

// opcode says how to step over an instruction, what it does to the stack of
// operands, and how many basic blocks it adds when it is compiled.
type opcode struct {
	immediate
	pops, pushes, blocks uint8
}

// The instructions whose immediates or effects depend on more than the opcode.
const (
	opUnreachable  = 0x00
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0b
	opBr           = 0x0c
	opBrIf         = 0x0d
	opBrTable      = 0x0e
	opReturn       = 0x0f
	opCall         = 0x10
	opCallIndirect = 0x11
	opSelectTyped  = 0x1c
	opMisc         = 0xfc
	opVector       = 0xfd
)

// opcodes are the instructions of one byte, miscOpcodes those after 0xfc and
// vectorOpcodes those after 0xfd.
var (
	opcodes       = table(single)
	miscOpcodes   = table(misc)
	vectorOpcodes = table(vector)
)

// span gives the opcodes from first to last.
type span struct {
	first, last int
	opcode
}

var single = []span{
	{opUnreachable, 0x05, opcode{structure, 0, 0, 0}}, // block, loop, if, else; nop follows
	{0x01, 0x01, opcode{nothing, 0, 0, 0}},
	{opEnd, opCallIndirect, opcode{structure, 0, 0, 0}}, // br, br_if, br_table, return, call
	{0x1a, 0x1a, opcode{nothing, 1, 0, 0}},              // drop
	{0x1b, 0x1b, opcode{nothing, 3, 1, 0}},              // select
	{opSelectTyped, opSelectTyped, opcode{structure, 0, 0, 0}},
	{0x20, 0x20, opcode{index, 0, 1, 0}},     // local.get
	{0x21, 0x21, opcode{index, 1, 0, 0}},     // local.set
	{0x22, 0x22, opcode{index, 1, 1, 0}},     // local.tee
	{0x23, 0x23, opcode{index, 0, 1, 0}},     // global.get
	{0x24, 0x24, opcode{index, 1, 0, 0}},     // global.set
	{0x25, 0x25, opcode{index, 1, 1, 1}},     // table.get
	{0x26, 0x26, opcode{index, 2, 0, 1}},     // table.set
	{0x28, 0x35, opcode{access, 1, 1, 0}},    // loads
	{0x36, 0x3e, opcode{access, 2, 0, 0}},    // stores
	{0x3f, 0x3f, opcode{index, 0, 1, 0}},     // memory.size
	{0x40, 0x40, opcode{index, 1, 1, 0}},     // memory.grow
	{0x41, 0x42, opcode{signed, 0, 1, 0}},    // i32.const, i64.const
	{0x43, 0x43, opcode{wide4, 0, 1, 0}},     // f32.const
	{0x44, 0x44, opcode{wide8, 0, 1, 0}},     // f64.const
	{0x45, 0x45, opcode{nothing, 1, 1, 0}},   // i32.eqz
	{0x46, 0x4f, opcode{nothing, 2, 1, 0}},   // comparisons of i32
	{0x50, 0x50, opcode{nothing, 1, 1, 0}},   // i64.eqz
	{0x51, 0x66, opcode{nothing, 2, 1, 0}},   // comparisons of i64, f32, f64
	{0x67, 0x69, opcode{nothing, 1, 1, 0}},   // i32: clz, ctz, popcnt
	{0x6a, 0x78, opcode{nothing, 2, 1, 0}},   // i32: add to rotr
	{0x79, 0x7b, opcode{nothing, 1, 1, 0}},   // i64: clz, ctz, popcnt
	{0x7c, 0x8a, opcode{nothing, 2, 1, 0}},   // i64: add to rotr
	{0x8b, 0x91, opcode{nothing, 1, 1, 0}},   // f32: abs to sqrt
	{0x92, 0x98, opcode{nothing, 2, 1, 0}},   // f32: add to copysign
	{0x99, 0x9f, opcode{nothing, 1, 1, 0}},   // f64: abs to sqrt
	{0xa0, 0xa6, opcode{nothing, 2, 1, 0}},   // f64: add to copysign
	{0xa7, 0xa7, opcode{nothing, 1, 1, 0}},   // i32.wrap_i64
	{0xa8, 0xab, opcode{nothing, 1, 1, 1}},   // i32: truncations that trap
	{0xac, 0xad, opcode{nothing, 1, 1, 0}},   // i64: extensions
	{0xae, 0xb1, opcode{nothing, 1, 1, 1}},   // i64: truncations that trap
	{0xb2, 0xc4, opcode{nothing, 1, 1, 0}},   // conversions, sign extensions
	{0xd0, 0xd0, opcode{reference, 0, 1, 0}}, // ref.null
	{0xd1, 0xd1, opcode{nothing, 1, 1, 0}},   // ref.is_null
	{0xd2, 0xd2, opcode{index, 0, 1, 0}},     // ref.func
	{opMisc, opVector, opcode{structure, 0, 0, 0}},
}

var misc = []span{
	{0, 7, opcode{nothing, 1, 1, 0}},   // saturating truncations
	{8, 8, opcode{indices, 3, 0, 4}},   // memory.init
	{9, 9, opcode{index, 0, 0, 0}},     // data.drop
	{10, 10, opcode{indices, 3, 0, 4}}, // memory.copy
	{11, 11, opcode{index, 3, 0, 4}},   // memory.fill
	{12, 12, opcode{indices, 3, 0, 4}}, // table.init
	{13, 13, opcode{index, 0, 0, 0}},   // elem.drop
	{14, 14, opcode{indices, 3, 0, 4}}, // table.copy
	{15, 15, opcode{index, 2, 1, 1}},   // table.grow
	{16, 16, opcode{index, 0, 1, 0}},   // table.size
	{17, 17, opcode{index, 3, 0, 4}},   // table.fill
}

var vector = []span{
	{0, 10, opcode{access, 1, 1, 0}}, // loads
	{11, 11, opcode{access, 2, 0, 0}},
	{12, 12, opcode{wide16, 0, 1, 0}}, // v128.const
	{13, 13, opcode{wide16, 2, 1, 0}}, // i8x16.shuffle
	{14, 14, opcode{nothing, 2, 1, 0}},
	{15, 20, opcode{nothing, 1, 1, 0}}, // splats
	{21, 22, opcode{lane, 1, 1, 0}},    // extractions and replacements of lanes
	{23, 23, opcode{lane, 2, 1, 0}},
	{24, 25, opcode{lane, 1, 1, 0}},
	{26, 26, opcode{lane, 2, 1, 0}},
	{27, 27, opcode{lane, 1, 1, 0}},
	{28, 28, opcode{lane, 2, 1, 0}},
	{29, 29, opcode{lane, 1, 1, 0}},
	{30, 30, opcode{lane, 2, 1, 0}},
	{31, 31, opcode{lane, 1, 1, 0}},
	{32, 32, opcode{lane, 2, 1, 0}},
	{33, 33, opcode{lane, 1, 1, 0}},
	{34, 34, opcode{lane, 2, 1, 0}},
	{35, 76, opcode{nothing, 2, 1, 0}}, // comparisons
	{77, 77, opcode{nothing, 1, 1, 0}}, // not
	{78, 81, opcode{nothing, 2, 1, 0}},
	{82, 82, opcode{nothing, 3, 1, 0}}, // bitselect
	{83, 83, opcode{nothing, 1, 1, 0}}, // any_true
	{84, 87, opcode{laneOf, 2, 1, 0}},
	{88, 91, opcode{laneOf, 2, 0, 0}},
	{92, 93, opcode{access, 1, 1, 0}},
	{94, 100, opcode{nothing, 1, 1, 0}}, // demote, promote; i8x16: abs to bitmask
	{101, 102, opcode{nothing, 2, 1, 0}},
	{103, 106, opcode{nothing, 1, 1, 0}}, // f32x4: ceil to nearest
	{107, 115, opcode{nothing, 2, 1, 0}},
	{116, 117, opcode{nothing, 1, 1, 0}}, // f64x2: ceil, floor
	{118, 121, opcode{nothing, 2, 1, 0}},
	{122, 122, opcode{nothing, 1, 1, 0}}, // f64x2.trunc
	{123, 123, opcode{nothing, 2, 1, 0}},
	{124, 129, opcode{nothing, 1, 1, 0}}, // extadd_pairwise; i16x8: abs, neg
	{130, 130, opcode{nothing, 2, 1, 0}},
	{131, 132, opcode{nothing, 1, 1, 0}},
	{133, 134, opcode{nothing, 2, 1, 0}},
	{135, 138, opcode{nothing, 1, 1, 0}}, // i16x8: extensions
	{139, 147, opcode{nothing, 2, 1, 0}},
	{148, 148, opcode{nothing, 1, 1, 0}}, // f64x2.nearest
	{149, 153, opcode{nothing, 2, 1, 0}},
	{155, 159, opcode{nothing, 2, 1, 0}},
	{160, 161, opcode{nothing, 1, 1, 0}}, // i32x4: abs, neg
	{163, 164, opcode{nothing, 1, 1, 0}},
	{167, 170, opcode{nothing, 1, 1, 0}},
	{171, 174, opcode{nothing, 2, 1, 0}},
	{177, 177, opcode{nothing, 2, 1, 0}},
	{181, 186, opcode{nothing, 2, 1, 0}},
	{188, 191, opcode{nothing, 2, 1, 0}},
	{192, 193, opcode{nothing, 1, 1, 0}}, // i64x2: abs, neg
	{195, 196, opcode{nothing, 1, 1, 0}},
	{199, 202, opcode{nothing, 1, 1, 0}},
	{203, 206, opcode{nothing, 2, 1, 0}},
	{209, 209, opcode{nothing, 2, 1, 0}},
	{213, 223, opcode{nothing, 2, 1, 0}},
	{224, 225, opcode{nothing, 1, 1, 0}}, // f32x4: abs, neg
	{227, 227, opcode{nothing, 1, 1, 0}},
	{228, 235, opcode{nothing, 2, 1, 0}},
	{236, 237, opcode{nothing, 1, 1, 0}}, // f64x2: abs, neg
	{239, 239, opcode{nothing, 1, 1, 0}},
	{240, 247, opcode{nothing, 2, 1, 0}},
	{248, 255, opcode{nothing, 1, 1, 0}}, // conversions
}

func table(spans []span) *[256]opcode {
	var t [256]opcode
	for _, s := range spans {
		for op := s.first; op <= s.last; op++ {
			t[op] = s.opcode
		}
	}
	return &t
}

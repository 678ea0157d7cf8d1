package module

// frame is a block that is open: what the stack holds below it and after it.
type frame struct {
	base    int // height of the stack below the block's parameters
	params  int
	results int
	code    byte // opBlock, opLoop or opIf
}

// scan steps over the instructions of one body, far enough to know what makes it
// dear to compile. It checks that they are instructions of WebAssembly 2.0 and that
// blocks end where the body does; their types are left to the compiler's validation.
type scan struct {
	p      *parser
	r      *reader
	frames []frame // used again for each body
	height int     // of the stack of operands
	loops  int     // that are open
	ifs    int

	most    int    // greatest height
	inLoops int    // most loops, one in the other
	inIfs   int    // the same
	flow    uint64 // basic blocks that it is compiled to, about
	moved   uint64 // values that calls with more than one result return
}

func (s *scan) body(results int) {
	r := s.r
	s.frames = append(s.frames[:0], frame{results: results})
	s.height, s.loops, s.ifs, s.most, s.inLoops, s.inIfs, s.flow, s.moved = 0, 0, 0, 0, 0, 0, 1, 0
	for len(s.frames) > 0 {
		start := r.at
		code := r.byte()
		if r.err != nil {
			return
		}
		op := opcodes[code]
		switch op.immediate {
		case structure:
			if op = s.structured(code, start); r.err != nil {
				return
			}
			if op.immediate == structure {
				continue
			}
		case unknown:
			r.failAt(start, "instruction %#x is not of WebAssembly 2.0, which is what this host runs", code)
			return
		}
		if op.immediate != nothing {
			s.immediate(op.immediate)
		}
		s.flow += uint64(op.blocks)
		s.pop(int(op.pops))
		s.push(int(op.pushes))
	}
}

func (s *scan) pop(n int) {
	f := &s.frames[len(s.frames)-1]
	s.height = max(s.height-n, f.base) // less only where code is dead, or invalid
}

func (s *scan) push(n int) {
	s.height += n
	s.most = max(s.most, s.height)
}

func (s *scan) immediate(kind immediate) {
	r := s.r
	switch kind {
	case index:
		r.u32()
	case indices, access:
		r.u32()
		r.u32()
	case laneOf:
		r.u32()
		r.u32()
		r.byte()
	case lane:
		r.byte()
	case reference:
		r.refType()
	case signed:
		r.skipSigned(64)
	case wide4:
		r.bytes(4)
	case wide8:
		r.bytes(8)
	case wide16:
		r.bytes(16)
	}
}

// structured does what depends on more than the opcode. It returns the instruction
// of two bytes that stands there, if one does, for its caller to do.
func (s *scan) structured(code byte, start int) opcode {
	r := s.r
	switch code {
	case opMisc, opVector:
		sub, table := r.u32(), miscOpcodes
		if code == opVector {
			table = vectorOpcodes
			// wazero takes the first byte for the opcode, so that what follows a
			// longer number is not what it seems.
			if want := 2 + int(min(sub>>7, 1)); r.err == nil && r.at-start != want {
				r.failAt(start, "vector instruction %d is written in %d bytes instead of %d, which this host's compiler misreads", sub, r.at-start, want)
			}
		}
		if sub < 256 && table[sub].immediate != unknown {
			return table[sub]
		}
		r.failAt(start, "instruction %#x %d is not of WebAssembly 2.0, which is what this host runs", code, sub)
	case opBlock, opLoop, opIf:
		s.enter(code)
	case opElse:
		f := &s.frames[len(s.frames)-1]
		s.flow++
		s.height = f.base
		s.push(f.params)
	case opEnd:
		f := s.frames[len(s.frames)-1]
		s.frames = s.frames[:len(s.frames)-1]
		switch f.code {
		case opLoop:
			s.loops--
		case opIf:
			s.ifs--
		}
		s.height = f.base
		s.push(f.results)
	case opBr:
		r.u32()
		s.unreachable()
	case opBrIf:
		r.u32()
		s.flow++
		s.pop(1)
	case opBrTable:
		n := r.count("targets")
		for range n + 1 {
			if r.u32(); r.err != nil {
				return opcode{immediate: structure}
			}
		}
		s.flow += uint64(n) + 1
		s.unreachable()
	case opReturn, opUnreachable:
		s.unreachable()
	case opCall:
		f := s.p.index(r, "function", len(s.p.funcs))
		if r.err == nil {
			s.call(s.p.m.Types[s.p.funcs[f]])
		}
	case opCallIndirect:
		t := s.p.index(r, "type", len(s.p.m.Types))
		r.u32()
		if r.err == nil {
			s.flow++
			s.pop(1)
			s.call(s.p.m.Types[t])
		}
	case opSelectTyped:
		for range r.count("types") {
			if r.valType(); r.err != nil {
				break
			}
		}
		s.pop(3)
		s.push(1)
	}
	return opcode{immediate: structure}
}

// unreachable ends what can be reached of a block: its stack is as it was before.
func (s *scan) unreachable() { s.height = s.frames[len(s.frames)-1].base }

func (s *scan) call(t FuncType) {
	s.pop(len(t.Params))
	s.push(len(t.Results))
	if len(t.Results) > 1 {
		s.moved += uint64(len(t.Results))
	}
}

func (s *scan) enter(code byte) {
	if code == opIf {
		s.pop(1)
	}
	f := frame{code: code}
	f.params, f.results = s.blockType()
	s.pop(f.params)
	f.base = s.height
	s.push(f.params)
	s.flow++
	switch code {
	case opLoop:
		s.flow++
		s.loops++
		s.inLoops = max(s.inLoops, s.loops)
	case opIf:
		s.flow++
		s.ifs++
		s.inIfs = max(s.inIfs, s.ifs)
	}
	s.frames = append(s.frames, f)
}

// blockType is how many values a block takes and gives: none, one of a type, or
// those of a function's type.
func (s *scan) blockType() (params, results int) {
	r := s.r
	if r.at < r.end {
		switch v := r.file[r.at]; {
		case v == 0x40:
			r.at++
			return 0, 0
		case v < 0x80 && v&0x40 != 0:
			r.valType()
			return 0, 1
		}
	}
	start := r.at
	t := s.p.index(r, "type", len(s.p.m.Types))
	if r.err == nil && r.file[r.at-1]&0x40 != 0 {
		r.failAt(start, "a block's type is a negative number of more than one byte: the file is damaged")
	}
	if r.err != nil {
		return 0, 0
	}
	return len(s.p.m.Types[t].Params), len(s.p.m.Types[t].Results)
}

// live bounds what the compiler keeps track of: so many values, of which each may
// live through every block.
func (s *scan) live(params int, locals uint64) uint64 {
	return s.flow * (uint64(params) + locals + uint64(s.most))
}

// work is about how many microseconds wazero 1.12 takes to compile the function
// beyond what its size explains. It was measured on bodies of one shape each: the
// time grows with values times blocks, more so inside of nested loops and ifs, and
// with the square of the blocks.
func (s *scan) work(live uint64) uint64 {
	return live + live*uint64(s.inLoops)/4 + live*uint64(s.inIfs)/256 + s.flow*s.flow/180 + s.moved
}
